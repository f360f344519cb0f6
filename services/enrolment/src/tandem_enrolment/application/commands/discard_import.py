from dataclasses import dataclass
from datetime import timedelta

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import ImportId
from tandem_kit.domain import Clock

KEPT_FOR = timedelta(days=2)
"""How long the lines of a file wait for somebody to commit them."""


@dataclass(frozen=True, slots=True)
class DiscardImport:
    """Remove the lines of an import that nobody committed: they name people."""

    import_id: ImportId


async def discard_import(command: DiscardImport, work: Work, clock: Clock) -> None:
    staged = await work.imports.get(command.import_id)
    staged.discard()
    for line in await work.lines.where(import_id=command.import_id):
        work.lines.remove(line.id)
