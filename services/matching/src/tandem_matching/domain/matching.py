"""From a pool to proposals: what is possible, what the solver chose, and how both are explained."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tandem_matching.domain.fit import Explanation, Obstacle, Pool, Unmatched, fit, obstacle, topic_fits
from tandem_matching.domain.types import PersonId, SiteCode


@dataclass(frozen=True, slots=True)
class Problem:
    """What the solver is asked: by position in the pool, so that no identity can sway it."""

    capacities: tuple[int, ...]
    """Of each mentor."""
    edges: tuple[tuple[int, int, int], ...]
    """Mentor, mentee, fit."""
    mentees: int


@dataclass(frozen=True, slots=True)
class Match:
    mentor_id: PersonId
    mentee_id: PersonId
    site: SiteCode
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Outcome:
    matches: tuple[Match, ...]
    unmatched: tuple[Unmatched, ...]
    total_fit: int
    inputs_hash: str


def problem_of(pool: Pool) -> Problem:
    """Return every pair that no rule forbids, with its fit."""
    edges = [
        (i, j, fit(mentor, mentee))
        for i, mentor in enumerate(pool.mentors)
        for j, mentee in enumerate(pool.mentees)
        if pool.free[mentor.id] > 0 and obstacle(mentor, mentee, pool) is None
    ]
    return Problem(tuple(pool.free[m.id] for m in pool.mentors), tuple(edges), len(pool.mentees))


def outcome_of(pool: Pool, problem: Problem, chosen: Mapping[int, int]) -> Outcome:
    """Explain what the solver chose: for each matched mentee (by position) the mentor (by position)."""
    fits = {(i, j): value for i, j, value in problem.edges}
    possible = Counter(j for _, j, _ in problem.edges)
    best: dict[int, int] = {}
    for _, j, value in problem.edges:
        best[j] = max(value, best.get(j, 0))
    matches = []
    for j, i in sorted(chosen.items()):
        mentor, mentee = pool.mentors[i], pool.mentees[j]
        explanation = Explanation(
            fit=fits[i, j],
            topics=topic_fits(mentor, mentee),
            languages=tuple(language for language in mentee.languages if language in mentor.languages),
            same_site=mentor.workplace == mentee.workplace,
            possible_mentors=possible[j],
            best_fit=best[j],
        )
        matches.append(Match(mentor.person_id, mentee.person_id, mentee.workplace, explanation))
    unmatched = tuple(_why_nobody(j, pool) for j in range(len(pool.mentees)) if j not in chosen)
    return Outcome(tuple(matches), unmatched, sum(m.explanation.fit for m in matches), _hash_of(pool))


def _why_nobody(number: int, pool: Pool) -> Unmatched:
    mentee = pool.mentees[number]
    # A mentor whom no rule keeps away is full: the places went to others.
    counts = Counter(obstacle(mentor, mentee, pool) or Obstacle.FULL for mentor in pool.mentors)
    return Unmatched(mentee.person_id, **{found.value: counts[found] for found in Obstacle})


def _hash_of(pool: Pool) -> str:
    """Return the SHA-256 of the inputs, which another run over the same inputs has too."""
    people = [
        [str(c.id), str(c.person_id), c.workplace, [[t.code, t.level] for t in c.topics], c.languages]
        for c in [*pool.mentors, *pool.mentees]
    ]
    rules = pool.rules
    inputs = {
        "people": people,
        "free": [pool.free[mentor.id] for mentor in pool.mentors],
        "managers": {str(person): [str(m) for m in managers] for person, managers in pool.managers.items()},
        "declined": sorted([str(a), str(b)] for a, b in pool.declined),
        "rules": [rules.forbid_reporting_line, rules.shared_language, rules.same_site],
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
