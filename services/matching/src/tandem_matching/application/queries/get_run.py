from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_matching.application.ports import Work
from tandem_matching.domain.fit import Unmatched
from tandem_matching.domain.proposal import Proposal
from tandem_matching.domain.run import RunState
from tandem_matching.domain.types import ProgrammeId, RunId


@dataclass(frozen=True, slots=True)
class GetRun:
    """A run with its proposals, and everybody who was not matched."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class FoundRun:
    id: RunId
    programme_id: ProgrammeId
    state: RunState
    proposals: tuple[Proposal, ...]
    unmatched: tuple[Unmatched, ...]
    total_fit: int
    inputs_hash: str
    version: int


async def get_run(query: GetRun, work: Work, clock: Clock) -> FoundRun:
    run = await work.runs.get(query.run_id)
    proposals = await work.proposals.where(run_id=query.run_id)
    return FoundRun(
        query.run_id,
        run.programme_id,
        run.state,
        tuple(proposals),
        tuple(run.unmatched),
        run.total_fit,
        run.inputs_hash,
        run.version,
    )
