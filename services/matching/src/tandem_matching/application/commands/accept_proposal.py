from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_matching.application.errands.confirm_pair import ConfirmPair
from tandem_matching.application.ports import Work
from tandem_matching.domain.proposal import ProposalState
from tandem_matching.domain.types import PersonId, ProposalId


@dataclass(frozen=True, slots=True)
class AcceptProposal:
    """One of the two people of a published proposal says yes."""

    proposal_id: ProposalId
    by: PersonId


async def accept_proposal(command: AcceptProposal, work: Work, clock: Clock) -> Receipt:
    proposal = await work.proposals.get(command.proposal_id)
    proposal.accept(command.by, at=clock.now())
    if proposal.state is ProposalState.ACCEPTED:
        confirm = ConfirmPair(command.proposal_id, proposal.programme_id, proposal.mentor_id, proposal.mentee_id)
        await work.timers.set(f"confirm/{proposal.id}", clock.now(), confirm)
    return work.receipt_for(proposal)
