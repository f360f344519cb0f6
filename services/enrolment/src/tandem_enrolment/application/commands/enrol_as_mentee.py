from dataclasses import dataclass

from tandem_enrolment.application.commands.volunteering import open_programme_for
from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.enrolment import Enrolment
from tandem_enrolment.domain.types import Availability, PersonId, ProgrammeId, Role, Topic
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class EnrolAsMentee:
    """The caller volunteers as mentee."""

    programme_id: ProgrammeId
    by: PersonId
    topics: tuple[Topic, ...]
    languages: tuple[str, ...]
    availability: tuple[Availability, ...]


async def enrol_as_mentee(command: EnrolAsMentee, work: Work, clock: Clock) -> Receipt:
    programme, person = await open_programme_for(command.by, Role.MENTEE, command.programme_id, work)
    enrolment = Enrolment.of_mentee(
        command.programme_id,
        programme.blueprint,
        person,
        command.topics,
        command.languages,
        command.availability,
        clock.now(),
    )
    return work.receipt_for(work.enrolments.add(enrolment))
