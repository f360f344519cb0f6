from dataclasses import dataclass
from datetime import timedelta

from tandem_kit.domain import Clock, Receipt
from tandem_matching.application.commands.expire_proposal import ExpireProposal
from tandem_matching.application.ports import Work
from tandem_matching.domain.proposal import ProposalState
from tandem_matching.domain.types import ProposalId, RunId


@dataclass(frozen=True, slots=True)
class PublishRun:
    """Send the proposals of a reviewed run to their people."""

    run_id: RunId


async def publish_run(command: PublishRun, work: Work, clock: Clock) -> Receipt:
    run = await work.runs.get(command.run_id)
    run.publish()
    expires_at = clock.now() + timedelta(days=run.answer_days)
    for proposal in await work.proposals.where(run_id=command.run_id, state=ProposalState.STAGED):
        proposal.publish(expires_at)
        await work.timers.set(f"expire/{proposal.id}", expires_at, ExpireProposal(ProposalId(proposal.id)))
    return work.receipt_for(run)
