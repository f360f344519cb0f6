from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import EnrolmentId
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class CertifyMentor:
    """A trainer declares a mentor ready."""

    enrolment_id: EnrolmentId


async def certify_mentor(command: CertifyMentor, work: Work, clock: Clock) -> Receipt:
    enrolment = await work.enrolments.get(command.enrolment_id)
    programme = await work.programmes.consult(enrolment.programme_id)
    enrolment.certify(programme.blueprint)
    return work.receipt_for(enrolment)
