from dataclasses import dataclass

from tandem_feedback.application.commands.open_questionnaire import open_when_ended
from tandem_feedback.application.ports import Work
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class EndProgramme:
    """The programme has ended: its questionnaire is due."""

    programme_id: ProgrammeId


async def end_programme(command: EndProgramme, work: Work, clock: Clock) -> None:
    await open_when_ended(command.programme_id, work, clock)
