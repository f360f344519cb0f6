"""One matching of everybody who waits."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from uuid import uuid4

from tandem_kit.domain import Aggregate, refuse_unless
from tandem_matching.domain.fit import Unmatched
from tandem_matching.domain.matching import Outcome
from tandem_matching.domain.rules import run_not_staged
from tandem_matching.domain.types import ProgrammeId, RunId


class RunState(StrEnum):
    SOLVING = "solving"
    STAGED = "staged"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class RunStarted:
    run_id: RunId
    programme_id: ProgrammeId


@dataclass(frozen=True, slots=True)
class RunStaged:
    run_id: RunId
    programme_id: ProgrammeId
    proposals: int
    unmatched: int


@dataclass(frozen=True, slots=True)
class RunPublished:
    run_id: RunId
    programme_id: ProgrammeId


@dataclass(kw_only=True)
class Run(Aggregate):
    programme_id: ProgrammeId
    state: RunState = RunState.SOLVING
    started: int
    """Counts the runs of the programme, from 1."""
    proposals: int = 0
    unmatched: list[Unmatched] = field(default_factory=list)
    total_fit: int = 0
    inputs_hash: str = ""
    answer_days: int = 0

    @classmethod
    def start(cls, programme: ProgrammeId, number: int) -> Self:
        run = cls(id=uuid4(), programme_id=programme, started=number)
        run.record(RunStarted(RunId(run.id), programme))
        return run

    def stage(self, outcome: Outcome, answer_days: int) -> None:
        """The solver's proposals are ready for review."""
        self.state = RunState.STAGED
        self.proposals = len(outcome.matches)
        self.unmatched = list(outcome.unmatched)
        self.total_fit, self.inputs_hash = outcome.total_fit, outcome.inputs_hash
        self.answer_days = answer_days
        self.record(RunStaged(RunId(self.id), self.programme_id, len(outcome.matches), len(outcome.unmatched)))

    def publish(self) -> None:
        refuse_unless(self.state is RunState.STAGED, run_not_staged)
        self.state = RunState.PUBLISHED
        self.record(RunPublished(RunId(self.id), self.programme_id))
