from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.rules import not_your_enrolment
from tandem_enrolment.domain.types import EnrolmentId, PersonId
from tandem_kit.domain import Clock, Receipt, refuse_unless


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Leave the programme; `by` is None when HR does it for the person."""

    enrolment_id: EnrolmentId
    by: PersonId | None


async def withdraw(command: Withdraw, work: Work, clock: Clock) -> Receipt:
    enrolment = await work.enrolments.get(command.enrolment_id)
    refuse_unless(command.by in {None, enrolment.person_id}, not_your_enrolment)
    enrolment.withdraw()
    return work.receipt_for(enrolment)
