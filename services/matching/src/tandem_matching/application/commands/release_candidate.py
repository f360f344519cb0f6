from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_matching.application.commands.rematch import rematch_soon
from tandem_matching.application.ports import Work
from tandem_matching.domain.proposal import OPEN_STATES
from tandem_matching.domain.types import DissolutionReason, EnrolmentId, Role, WithdrawalReason


@dataclass(frozen=True, slots=True)
class ReleaseCandidate:
    """Somebody left the programme: their pairs and proposals end, and those who lost them wait again."""

    enrolment_id: EnrolmentId


async def release_candidate(command: ReleaseCandidate, work: Work, clock: Clock) -> None:
    candidate = await work.candidates.find(command.enrolment_id)
    if candidate is None:
        return
    side = "mentor_id" if candidate.role is Role.MENTOR else "mentee_id"
    theirs = {"programme_id": candidate.programme_id, side: candidate.person_id}
    proposals = await work.proposals.where(**theirs, state=OPEN_STATES)
    for proposal in proposals:
        proposal.withdraw(WithdrawalReason.LEFT)
    pairs = await work.pairs.where(**theirs, dissolved=False)
    for pair in pairs:
        pair.dissolve(None, DissolutionReason.LEFT)
    if (proposals or pairs) and candidate.role is Role.MENTOR:
        await rematch_soon(candidate.programme_id, work, clock)
