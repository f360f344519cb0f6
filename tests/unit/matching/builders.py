"""Candidates, proposals and pairs whose details do not matter."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from tandem_matching.domain.candidate import Candidate
from tandem_matching.domain.fit import Explanation, MatchingRules, Pool
from tandem_matching.domain.pair import Pair
from tandem_matching.domain.proposal import Proposal, ProposalState
from tandem_matching.domain.types import PersonId, ProgrammeId, Role, RunId, SiteCode, Topic

PROGRAMME = ProgrammeId(uuid4())
LYON = SiteCode("lyon")
_turn = count()


def a_candidate(role: Role, **more: Any) -> Candidate:
    given: dict[str, Any] = {
        "id": uuid4(),
        "programme_id": PROGRAMME,
        "person_id": PersonId(uuid4()),
        "role": role,
        "workplace": LYON,
        "topics": [Topic("networks", 2)],
        "capacity": 1,
        "languages": ["fr"],
        "enrolled_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=next(_turn)),
        "ready": True,
    }
    return Candidate(**(given | more))


def a_mentor(**more: Any) -> Candidate:
    return a_candidate(Role.MENTOR, **more)


def a_mentee(**more: Any) -> Candidate:
    return a_candidate(Role.MENTEE, **more)


def some_rules(**more: Any) -> MatchingRules:
    given: dict[str, Any] = {
        "forbid_reporting_line": True,
        "shared_language": True,
        "same_site": False,
        "answer_days": 10,
    }
    return MatchingRules(**(given | more))


def a_pool(mentors: list[Candidate], mentees: list[Candidate], **more: Any) -> Pool:
    given: dict[str, Any] = {
        "free": {mentor.id: mentor.capacity for mentor in mentors},
        "declined": set(),
        "managers": {},
        "rules": some_rules(),
    }
    return Pool(mentors, mentees, **(given | more))


def a_proposal(mentor: Candidate, mentee: Candidate, **more: Any) -> Proposal:
    given: dict[str, Any] = {
        "id": uuid4(),
        "run_id": RunId(uuid4()),
        "programme_id": PROGRAMME,
        "site": mentee.workplace,
        "mentor_id": mentor.person_id,
        "mentee_id": mentee.person_id,
        "explanation": Explanation(4, (), ("fr",), same_site=True, possible_mentors=1, best_fit=4),
        "state": ProposalState.PUBLISHED,
        "expires_at": datetime(2026, 1, 20, tzinfo=UTC),
    }
    return Proposal(**(given | more))


def a_pair(mentor: Candidate, mentee: Candidate, **more: Any) -> Pair:
    given: dict[str, Any] = {
        "id": uuid4(),
        "programme_id": PROGRAMME,
        "site": mentee.workplace,
        "mentor_id": mentor.person_id,
        "mentee_id": mentee.person_id,
    }
    return Pair(**(given | more))


def managers(*lines: tuple[UUID, UUID]) -> dict[UUID, tuple[UUID, ...]]:
    found: dict[UUID, tuple[UUID, ...]] = {}
    for below, above in lines:
        found[below] = (*found.get(below, ()), above)
    return found
