from dataclasses import dataclass

from tandem_enrolment.application.commands.volunteering import open_programme_for
from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.enrolment import Enrolment
from tandem_enrolment.domain.types import Availability, PersonId, ProgrammeId, Role, Topic
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class EnrolAsMentor:
    """The caller volunteers as mentor."""

    programme_id: ProgrammeId
    by: PersonId
    topics: tuple[Topic, ...]
    capacity: int
    languages: tuple[str, ...]
    availability: tuple[Availability, ...]


async def enrol_as_mentor(command: EnrolAsMentor, work: Work, clock: Clock) -> Receipt:
    programme, person = await open_programme_for(command.by, Role.MENTOR, command.programme_id, work)
    enrolment = Enrolment.of_mentor(
        command.programme_id,
        programme.blueprint,
        person,
        command.topics,
        command.capacity,
        command.languages,
        command.availability,
        clock.now(),
    )
    return work.receipt_for(work.enrolments.add(enrolment))
