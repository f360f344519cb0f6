from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.programme import Curriculum


@dataclass(frozen=True, slots=True)
class AdoptCurriculum:
    """Enrolment has told what a new programme's blueprint says of sessions."""

    curriculum: Curriculum


async def adopt_curriculum(command: AdoptCurriculum, work: Work, clock: Clock) -> None:
    work.curricula.put(command.curriculum)
