from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import ProgrammeId
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class EndProgramme:
    """End the programme: nobody enrols any more, and the end questionnaire goes out."""

    programme_id: ProgrammeId


async def end_programme(command: EndProgramme, work: Work, clock: Clock) -> Receipt:
    programme = await work.programmes.get(command.programme_id)
    programme.end()
    return work.receipt_for(programme)
