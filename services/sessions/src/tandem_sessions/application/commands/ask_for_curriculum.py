from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_sessions.application.errands.fetch_curriculum import FetchCurriculum
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.types import ProgrammeId


@dataclass(frozen=True, slots=True)
class AskForCurriculum:
    """There is a new programme: ask enrolment for its blueprint, now."""

    programme_id: ProgrammeId


async def ask_for_curriculum(command: AskForCurriculum, work: Work, clock: Clock) -> None:
    await work.timers.set(f"curriculum/{command.programme_id}", clock.now(), FetchCurriculum(command.programme_id))
