from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tandem_matching.adapters.solver.__main__ import choose
from tandem_matching.domain.fit import Obstacle, fit, obstacle
from tandem_matching.domain.matching import outcome_of, problem_of
from tandem_matching.domain.rules import above, in_same_reporting_line
from tandem_matching.domain.types import Topic
from tests.unit.matching.builders import a_mentee, a_mentor, a_pool, managers, some_rules


def test_the_fit_is_the_sum_of_offered_times_wanted() -> None:
    mentor = a_mentor(topics=[Topic("networks", 3), Topic("data", 2), Topic("moocs", 1)])
    mentee = a_mentee(topics=[Topic("networks", 2), Topic("data", 3)])
    assert fit(mentor, mentee) == 3 * 2 + 2 * 3


@pytest.mark.parametrize("distance", [1, 2, 5])
@pytest.mark.parametrize("mentor_is_below", [True, False])
def test_one_above_the_other_at_any_distance_is_the_same_reporting_line(
    distance: int, *, mentor_is_below: bool
) -> None:
    people = [uuid4() for _ in range(distance + 1)]
    lines = managers(*pairwise(people))
    bottom, top = people[0], people[-1]
    pair = (bottom, top) if mentor_is_below else (top, bottom)
    assert in_same_reporting_line(*pair, lines)


def test_a_functional_manager_counts_as_much_as_the_line_manager() -> None:
    mentor, line, functional, boss = (uuid4() for _ in range(4))
    lines = managers((mentor, line), (mentor, functional), (functional, boss))
    assert in_same_reporting_line(mentor, boss, lines)


def test_colleagues_below_one_manager_are_not_in_one_line() -> None:
    boss, a, b = uuid4(), uuid4(), uuid4()
    assert not in_same_reporting_line(a, b, managers((a, boss), (b, boss)))


def test_a_circle_in_the_data_ends() -> None:
    a, b = uuid4(), uuid4()
    assert above(a, managers((a, b), (b, a))) == {a, b}


def test_each_rule_keeps_two_people_apart() -> None:
    mentor, mentee = a_mentor(), a_mentee()
    assert obstacle(mentor, mentee, a_pool([mentor], [mentee])) is None

    line = managers((mentor.person_id, mentee.person_id))
    assert obstacle(mentor, mentee, a_pool([mentor], [mentee], managers=line)) is Obstacle.IN_REPORTING_LINE

    foreign = a_mentee(languages=["en"])
    assert obstacle(mentor, foreign, a_pool([mentor], [foreign])) is Obstacle.NO_SHARED_LANGUAGE

    far = a_mentee(workplace="nantes")
    rules = some_rules(same_site=True)
    assert obstacle(mentor, far, a_pool([mentor], [far], rules=rules)) is Obstacle.OTHER_SITE

    before = {(mentor.person_id, mentee.person_id)}
    assert obstacle(mentor, mentee, a_pool([mentor], [mentee], declined=before)) is Obstacle.ALREADY_DECLINED

    same = a_mentee(person_id=mentor.person_id)
    assert obstacle(mentor, same, a_pool([mentor], [same])) is Obstacle.SAME_PERSON


def test_an_unmatched_mentee_is_told_what_kept_every_mentor_away() -> None:
    boss = a_mentee()
    below, foreign, full = a_mentor(), a_mentor(languages=["en"]), a_mentor()
    pool = a_pool(
        [below, foreign, full],
        [boss],
        managers=managers((below.person_id, boss.person_id)),
        free={below.id: 1, foreign.id: 1, full.id: 0},
    )
    outcome = outcome_of(pool, problem_of(pool), {})
    told = outcome.unmatched[0]
    assert (told.in_reporting_line, told.no_shared_language, told.full) == (1, 1, 1)


def test_a_proposal_is_explained() -> None:
    mentor = a_mentor(topics=[Topic("networks", 3)], languages=["fr", "en"])
    mentee = a_mentee(topics=[Topic("networks", 2)], languages=["en"])
    pool = a_pool([mentor], [mentee])
    explanation = outcome_of(pool, problem_of(pool), {0: 0}).matches[0].explanation
    assert (explanation.fit, explanation.languages, explanation.same_site) == (6, ("en",), True)
    assert (explanation.possible_mentors, explanation.best_fit) == (1, 6)


def test_the_same_inputs_have_the_same_hash() -> None:
    pool = a_pool([a_mentor()], [a_mentee()])
    other = a_pool([a_mentor()], [a_mentee()])
    hashes = [outcome_of(p, problem_of(p), {}).inputs_hash for p in (pool, pool, other)]
    assert hashes[0] == hashes[1] != hashes[2]


edges = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 9)), max_size=14).map(
    lambda found: [list(e) for e in {(i, j): (i, j, fit_) for i, j, fit_ in found}.values()]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=4), edges)
def test_no_other_matching_serves_more_people_or_fits_better(capacities: list[int], edges: list[list[int]]) -> None:
    chosen = choose(capacities, edges, 5)
    value = {(i, j): fit_ for i, j, fit_ in edges}
    assert all((i, j) in value for j, i in chosen.items())
    assert all(list(chosen.values()).count(i) <= capacities[i] for i in range(4))
    mine = (len(chosen), sum(value[i, j] for j, i in chosen.items()))
    assert mine == best_of_all(capacities, value, 0)


def best_of_all(capacities: list[int], value: dict[tuple[int, int], int], mentee: int) -> tuple[int, int]:
    """Try every matching."""
    if mentee == 5:
        return (0, 0)
    best = best_of_all(capacities, value, mentee + 1)
    for mentor in range(4):
        if capacities[mentor] and (mentor, mentee) in value:
            rest = [c - (k == mentor) for k, c in enumerate(capacities)]
            count, total = best_of_all(rest, value, mentee + 1)
            best = max(best, (count + 1, total + value[mentor, mentee]))
    return best


def test_where_two_are_equally_good_the_earlier_is_served() -> None:
    assert choose([1], [[0, 0, 5], [0, 1, 5]], 2) == {0: 0}
