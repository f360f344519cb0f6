from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.enrolment import Enrolment
from tandem_enrolment.domain.types import EnrolmentId, PersonId
from tandem_kit.domain import Clock, NotFound


@dataclass(frozen=True, slots=True)
class GetEnrolment:
    """One enrolment; `by` is None for staff, else the person whose it must be."""

    enrolment_id: EnrolmentId
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class FoundEnrolment:
    enrolment: Enrolment


async def get_enrolment(query: GetEnrolment, work: Work, clock: Clock) -> FoundEnrolment:
    enrolment = await work.enrolments.get(query.enrolment_id)
    if query.by not in {None, enrolment.person_id}:
        raise NotFound("Enrolment", query.enrolment_id)
    return FoundEnrolment(enrolment)
