from dataclasses import dataclass

from tandem_enrolment.application.commands.discard_import import KEPT_FOR, DiscardImport
from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.hris_import import HrisImport
from tandem_enrolment.domain.rules import complete_file_of_one_site
from tandem_enrolment.domain.types import ImportId
from tandem_kit.domain import Clock, Receipt, refuse_unless


@dataclass(frozen=True, slots=True)
class StartImport:
    """Begin to stage an HRIS file; a complete one lists everybody."""

    file_name: str
    complete: bool


async def start_import(command: StartImport, work: Work, clock: Clock) -> Receipt:
    refuse_unless(not command.complete or work.scope.sites is None, complete_file_of_one_site)
    staged = work.imports.add(HrisImport.start(command.file_name, complete=command.complete))
    discard = DiscardImport(ImportId(staged.id))
    await work.timers.set(f"discard/{staged.id}", clock.now() + KEPT_FOR, discard)
    return work.receipt_for(staged)
