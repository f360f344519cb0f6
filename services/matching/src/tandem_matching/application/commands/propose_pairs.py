from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt, refuse_unless
from tandem_matching.application.errands.solve_run import SolveRun
from tandem_matching.application.ports import Work
from tandem_matching.domain.rules import run_in_progress
from tandem_matching.domain.run import Run, RunState
from tandem_matching.domain.types import ProgrammeId, RunId


@dataclass(frozen=True, slots=True)
class ProposePairs:
    """Match everybody who waits in the programme."""

    programme_id: ProgrammeId


async def propose_pairs(command: ProposePairs, work: Work, clock: Clock) -> Receipt:
    runs = await work.runs.where(programme_id=command.programme_id)
    refuse_unless(all(run.state is not RunState.SOLVING for run in runs), run_in_progress)
    run = work.runs.add(Run.start(command.programme_id, len(runs) + 1))
    await work.timers.set(f"solve/{run.id}", clock.now(), SolveRun(RunId(run.id), command.programme_id))
    return work.receipt_for(run)
