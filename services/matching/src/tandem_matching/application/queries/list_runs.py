from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_matching.application.ports import Work
from tandem_matching.domain.run import RunState
from tandem_matching.domain.types import ProgrammeId, RunId


@dataclass(frozen=True, slots=True)
class ListRuns:
    """The runs of a programme, the oldest first."""

    programme_id: ProgrammeId


@dataclass(frozen=True, slots=True)
class RunSummary:
    id: RunId
    state: RunState
    proposals: int
    unmatched: int


@dataclass(frozen=True, slots=True)
class Runs:
    runs: tuple[RunSummary, ...]


async def list_runs(query: ListRuns, work: Work, clock: Clock) -> Runs:
    runs = sorted(await work.runs.where(programme_id=query.programme_id), key=lambda run: run.started)
    return Runs(tuple(RunSummary(RunId(r.id), r.state, r.proposals, len(r.unmatched)) for r in runs))
