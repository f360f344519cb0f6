from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.hris_import import HrisImport
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class StartImport:
    """Begin to stage an HRIS file; a complete one lists everybody."""

    file_name: str
    complete: bool


async def start_import(command: StartImport, work: Work, clock: Clock) -> Receipt:
    staged = HrisImport.start(command.file_name, complete=command.complete)
    return work.receipt_for(work.imports.add(staged))
