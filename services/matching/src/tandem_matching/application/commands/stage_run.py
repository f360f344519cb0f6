from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_matching.application.ports import Work
from tandem_matching.domain.matching import Outcome
from tandem_matching.domain.proposal import Proposal
from tandem_matching.domain.types import RunId


@dataclass(frozen=True, slots=True)
class StageRun:
    """The solver has answered: keep its proposals for review."""

    run_id: RunId
    outcome: Outcome
    answer_days: int


async def stage_run(command: StageRun, work: Work, clock: Clock) -> Receipt:
    run = await work.runs.get(command.run_id)
    for match in command.outcome.matches:
        work.proposals.add(Proposal.of(match, command.run_id, run.programme_id))
    run.stage(command.outcome, command.answer_days)
    return work.receipt_for(run)
