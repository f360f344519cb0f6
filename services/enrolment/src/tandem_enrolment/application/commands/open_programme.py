from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import ProgrammeId
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class OpenProgramme:
    """Let people enrol."""

    programme_id: ProgrammeId


async def open_programme(command: OpenProgramme, work: Work, clock: Clock) -> Receipt:
    programme = await work.programmes.get(command.programme_id)
    programme.open(clock.now())
    return work.receipt_for(programme)
