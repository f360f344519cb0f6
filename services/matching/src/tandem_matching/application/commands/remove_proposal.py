from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_matching.application.ports import Work
from tandem_matching.domain.types import ProposalId


@dataclass(frozen=True, slots=True)
class RemoveProposal:
    """A reviewer takes a proposal out; both people wait for the next run."""

    proposal_id: ProposalId


async def remove_proposal(command: RemoveProposal, work: Work, clock: Clock) -> Receipt:
    proposal = await work.proposals.get(command.proposal_id)
    proposal.remove()
    return work.receipt_for(proposal)
