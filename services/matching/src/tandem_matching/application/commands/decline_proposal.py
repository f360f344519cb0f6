from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_matching.application.commands.rematch import rematch_soon
from tandem_matching.application.ports import Work
from tandem_matching.domain.types import DeclineReason, PersonId, ProposalId


@dataclass(frozen=True, slots=True)
class DeclineProposal:
    """One of the two people of a published proposal says no."""

    proposal_id: ProposalId
    by: PersonId
    reason: DeclineReason


async def decline_proposal(command: DeclineProposal, work: Work, clock: Clock) -> Receipt:
    proposal = await work.proposals.get(command.proposal_id)
    proposal.decline(command.by, command.reason, at=clock.now())
    await rematch_soon(proposal.programme_id, work, clock)
    return work.receipt_for(proposal)
