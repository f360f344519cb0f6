"""Matches as many mentees as the mentors' capacities allow, with the largest total fit, by minimum-cost flow.

Among equally good solutions, earlier mentees are served: matching one is worth more than any fit, and each fit is
scaled so that positions break ties only.
"""

import json
import sys

from ortools.graph.python import min_cost_flow


def choose(capacities: list[int], edges: list[list[int]], mentees: int) -> dict[int, int]:
    """Return for each matched mentee the mentor; all by position."""
    if not edges:
        return {}
    mentors = len(capacities)
    source, sink = mentors + mentees, mentors + mentees + 1
    scale = mentees + 1
    best = max(value for _, _, value in edges)
    flow = min_cost_flow.SimpleMinCostFlow()
    for i, capacity in enumerate(capacities):
        flow.add_arc_with_capacity_and_unit_cost(source, i, max(0, capacity), 0)
    arcs = {
        flow.add_arc_with_capacity_and_unit_cost(i, mentors + j, 1, (best - value) * scale): (i, j)
        for i, j, value in edges
    }
    for j in range(mentees):
        flow.add_arc_with_capacity_and_unit_cost(mentors + j, sink, 1, j)
    flow.set_node_supply(source, mentees)
    flow.set_node_supply(sink, -mentees)
    status = flow.solve_max_flow_with_min_cost()
    if status != flow.OPTIMAL:
        sys.exit(f"no optimal solution: status {status}")
    return {j: i for arc, (i, j) in arcs.items() if flow.flow(arc)}


if __name__ == "__main__":
    question = json.load(sys.stdin)
    json.dump(choose(question["capacities"], question["edges"], question["mentees"]), sys.stdout)
