from dataclasses import dataclass

from tandem_matching.application.commands.form_pair import FormPair
from tandem_matching.application.ports import Enrolment
from tandem_matching.domain.types import PersonId, ProgrammeId, ProposalId


@dataclass(frozen=True, slots=True)
class ConfirmPair:
    """Both said yes: ask enrolment whether both are still eligible, before the pair is formed."""

    proposal_id: ProposalId
    programme_id: ProgrammeId
    mentor_id: PersonId
    mentee_id: PersonId


async def confirm_pair(errand: ConfirmPair, enrolment: Enrolment) -> FormPair:
    check = await enrolment.check_pair(errand.programme_id, errand.mentor_id, errand.mentee_id)
    return FormPair(errand.proposal_id, check)
