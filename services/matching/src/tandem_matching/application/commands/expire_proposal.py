from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_matching.application.commands.rematch import rematch_soon
from tandem_matching.application.ports import Work
from tandem_matching.domain.types import ProposalId


@dataclass(frozen=True, slots=True)
class ExpireProposal:
    """The time to answer is over."""

    proposal_id: ProposalId


async def expire_proposal(command: ExpireProposal, work: Work, clock: Clock) -> None:
    proposal = await work.proposals.get(command.proposal_id)
    if proposal.expire():
        await rematch_soon(proposal.programme_id, work, clock)
