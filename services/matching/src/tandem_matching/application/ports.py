"""What matching's use cases need of the world."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tandem_kit.application import Repository, Timers
from tandem_kit.domain import Aggregate, Receipt
from tandem_matching.domain.candidate import Candidate, Position
from tandem_matching.domain.fit import MatchingRules
from tandem_matching.domain.matching import Problem
from tandem_matching.domain.pair import Pair
from tandem_matching.domain.proposal import Proposal
from tandem_matching.domain.run import Run
from tandem_matching.domain.types import PersonId, ProgrammeId


class Facts(Protocol):
    """Copies of neighbours' facts: all that a projection may touch."""

    candidates: Repository[Candidate]
    positions: Repository[Position]


class Work(Facts, Protocol):
    """One transaction over matching's database."""

    runs: Repository[Run]
    proposals: Repository[Proposal]
    pairs: Repository[Pair]
    timers: Timers

    def receipt_for(self, aggregate: Aggregate) -> Receipt: ...


@dataclass(frozen=True, slots=True)
class PairCheck:
    """Enrolment's answer: may these two be paired at this moment?"""

    eligible: bool
    broken_rules: tuple[str, ...]


class Enrolment(Protocol):
    """The neighbour that knows people and programmes."""

    async def matching_rules(self, programme: ProgrammeId) -> MatchingRules: ...

    async def check_pair(self, programme: ProgrammeId, mentor: PersonId, mentee: PersonId) -> PairCheck: ...


class Solver(Protocol):
    """Chooses, among the possible pairs, as many as it can, with the largest total fit."""

    async def solve(self, problem: Problem) -> Mapping[int, int]:
        """Return for each matched mentee (by position) the mentor (by position)."""
