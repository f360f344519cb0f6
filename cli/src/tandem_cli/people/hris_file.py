"""The HRIS file: which headings HR writes, and how its lines are read."""

import csv
import io
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from tandem.enrolment.v1.service_pb2 import PersonRow
from tandem_cli.errors import Trouble, why_not
from tandem_cli.language import said

HEADINGS = {
    "reference": ("Matricule", "Reference"),
    "family_name": ("Nom", "Family name"),
    "given_name": ("Prénom", "Given name"),
    "mail": ("Courriel", "Mail"),
    "site": ("Site", "Site"),
    "manager_reference": ("Matricule du responsable", "Manager reference"),
    "functional_manager_reference": ("Matricule du responsable fonctionnel", "Functional manager reference"),
    "department": ("Direction", "Department"),
    "grade_band": ("Catégorie", "Grade band"),
    "career_stage": ("Étape de carrière", "Career stage"),
    "languages": ("Langues", "Languages"),
    "status": ("Statut", "Status"),
}
"""Of each field, the heading in French and in English. Their order is the file's; a file may have another."""


@dataclass(frozen=True, slots=True)
class HrisFile:
    rows: list[PersonRow]
    headings: dict[str, str]
    """The heading of each field, as this file writes it."""


def read_hris_file(file: Path) -> HrisFile:
    """Read a file as HR exports it: UTF-8 with or without BOM, or Windows-1252; `;` or `,`; either language."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Trouble(why_not(error)) from error
    if not raw.strip():
        raise Trouble(said(f"{file} is empty.", f"{file} est vide."))
    if b"\0" in raw:
        raise Trouble(
            said(
                f"{file} is not a text file: export it from the HRIS as CSV.",
                f"{file} n'est pas un fichier texte : exportez-le du SIRH en CSV.",
            )
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") >= first.count(",") else ",")
    lines = iter(reader)
    columns = _columns(file, next(lines, []))
    rows = []
    for cells in lines:
        if any(cell.strip() for cell in cells):
            values = {name: cells[i] if i < len(cells) else "" for name, (i, _) in columns.items()}
            rows.append(PersonRow(line=reader.line_num, **values))
    if not rows:
        raise Trouble(said(f"{file} has no line below its headings.", f"{file} n'a aucune ligne sous ses en-têtes."))
    return HrisFile(rows, {name: heading for name, (_, heading) in columns.items()})


def _columns(file: Path, headings: list[str]) -> dict[str, tuple[int, str]]:
    found = {_plain(heading): (number, heading.strip()) for number, heading in enumerate(headings)}
    columns = {}
    for field, names in HEADINGS.items():
        known = next((found[_plain(name)] for name in names if _plain(name) in found), None)
        if known is not None:
            columns[field] = known
    missing = [" / ".join(dict.fromkeys(HEADINGS[field])) for field in HEADINGS if field not in columns]
    if not columns:
        raise Trouble(
            said(
                f"{file} is no HRIS export: its first line has none of the headings {', '.join(missing)}.",
                f"{file} n'est pas un export SIRH : sa première ligne n'a aucun des en-têtes {', '.join(missing)}.",
            )
        )
    if missing:
        raise Trouble(said(f"{file} lacks: {', '.join(missing)}.", f"Il manque à {file} : {', '.join(missing)}."))
    return columns


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.strip().lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
