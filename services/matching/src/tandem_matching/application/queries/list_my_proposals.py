from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_matching.application.ports import Work
from tandem_matching.domain.proposal import Proposal, ProposalState
from tandem_matching.domain.types import PersonId, ProgrammeId


@dataclass(frozen=True, slots=True)
class ListMyProposals:
    """The published proposals that wait for the caller's answer."""

    programme_id: ProgrammeId
    by: PersonId


@dataclass(frozen=True, slots=True)
class Proposals:
    proposals: tuple[Proposal, ...]


async def list_my_proposals(query: ListMyProposals, work: Work, clock: Clock) -> Proposals:
    published = {"programme_id": query.programme_id, "state": ProposalState.PUBLISHED}
    mine = [
        *await work.proposals.where(**published, mentor_id=query.by),
        *await work.proposals.where(**published, mentee_id=query.by),
    ]
    return Proposals(tuple(p for p in mine if query.by not in p.accepted_by))
