from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.programme import Module
from tandem_sessions.domain.types import ProgrammeId


@dataclass(frozen=True, slots=True)
class GetCurriculum:
    """The themes of a programme with their running orders."""

    programme_id: ProgrammeId


@dataclass(frozen=True, slots=True)
class Modules:
    modules: tuple[Module, ...]


async def get_curriculum(query: GetCurriculum, work: Work, clock: Clock) -> Modules:
    return Modules(tuple((await work.curricula.get(query.programme_id)).modules))
