from dataclasses import asdict, dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.hris_import import Line, line_id
from tandem_enrolment.domain.types import ImportId
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True)
class PersonRow:
    """One line, as it stands in the file."""

    line: int
    reference: str
    given_name: str
    family_name: str
    mail: str
    site: str
    manager_reference: str
    functional_manager_reference: str
    department: str
    grade_band: str
    career_stage: str
    languages: str
    status: str


@dataclass(frozen=True, slots=True)
class AddImportRows:
    """Add lines to a staged import; a line that is sent again replaces the first."""

    import_id: ImportId
    rows: tuple[PersonRow, ...]


async def add_import_rows(command: AddImportRows, work: Work, clock: Clock) -> Receipt:
    staged = await work.imports.get(command.import_id)
    staged.take_lines()
    for row in command.rows:
        work.lines.put(Line(id=line_id(command.import_id, row.line), import_id=command.import_id, **asdict(row)))
    return work.receipt_for(staged)
