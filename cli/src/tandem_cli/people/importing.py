"""Brings an HRIS file into Tandem: staged in chunks, previewed, and committed as a whole."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tandem.enrolment.v1 import service_pb2 as pb
from tandem_cli.client import Client
from tandem_cli.people.hris_file import HEADINGS, HrisFile, read_hris_file
from tandem_kit.policy import Role

_CHUNK = 1000
_PROBLEMS_SHOWN = 50

_WORDS = {
    "en": {
        "staging": "Reading",
        "counts": "{lines} lines: {new} new, {changed} changed, {unchanged} unchanged, {leaving} leaving, "
        "{bad} with problems.",
        "problems": "Problems",
        "columns": ("line", "column", "value", "reason"),
        "more": "… and {count} more.",
        "dry": "Nothing was imported: this was a dry run.",
        "refused": "Nothing was imported. Correct the file, or import its good lines with --despite-problems.",
        "done": "Imported.",
        "differences": "Differences",
        "difference_columns": ("reference", "change", "fields"),
        "nothing": "No line is good: nothing was imported.",
        "no_sites": "Sites are registered before people come to them; in the local stack, by tandem demo --keep.",
        "new": "new",
        "changed": "changed",
        "leaving": "leaving",
        **{field: english for field, (_, english) in HEADINGS.items()},
    },
    "fr": {
        "staging": "Lecture",
        "counts": "{lines} lignes : {new} nouvelles, {changed} modifiées, {unchanged} inchangées, {leaving} départs, "
        "{bad} avec des problèmes.",
        "problems": "Problèmes",
        "columns": ("ligne", "colonne", "valeur", "raison"),
        "more": "… et {count} de plus.",
        "dry": "Rien n'a été importé : c'était un essai.",
        "refused": "Rien n'a été importé. Corrigez le fichier, ou importez ses bonnes lignes avec --despite-problems.",
        "done": "Importé.",
        "differences": "Différences",
        "difference_columns": ("matricule", "changement", "champs"),
        "nothing": "Aucune ligne n'est bonne : rien n'a été importé.",
        "no_sites": "Les sites sont enregistrés avant que leurs gens n'arrivent ; "
        "dans la pile locale, par tandem demo --keep.",
        "new": "arrivée",
        "changed": "modification",
        "leaving": "départ",
        **{field: french for field, (french, _) in HEADINGS.items()},
    },
}


@dataclass(frozen=True, slots=True)
class ImportRequest:
    file: Path
    complete: bool = False
    dry_run: bool = False
    despite_problems: bool = False
    show_differences: bool = False


async def import_people(client: Client, request: ImportRequest, console: Console, language: str) -> bool:
    """Import the file as asked, and tell what happened; False where its problems forbade it."""
    words = _WORDS[language]
    read = read_hris_file(request.file)
    preview = await stage(client, read, request, console, str(words["staging"]))
    counts = preview.counts
    console.print(
        str(words["counts"]).format(
            lines=counts.lines,
            new=counts.new,
            changed=counts.changed,
            unchanged=counts.unchanged,
            leaving=counts.leaving,
            bad=counts.bad_lines,
        )
    )
    _show_problems(preview, read, console, language)
    if request.dry_run or request.show_differences:
        _show_differences(preview, console, language)
    if request.dry_run:
        console.print(words["dry"])
        return True
    if counts.lines == counts.bad_lines:
        strangers = sum(problem.column == "site" for problem in preview.problems)
        console.print(words["no_sites" if strangers >= counts.lines else "nothing"])
        return False
    if preview.problems and not request.despite_problems:
        console.print(words["refused"])
        return False
    await client.enrolment.CommitImport(
        pb.CommitImportRequest(import_id=preview.import_id, despite_problems=request.despite_problems),
        metadata=client.staff(Role.PROGRAMME_MANAGER),
    )
    console.print(words["done"])
    return True


async def stage(
    client: Client, read: HrisFile, request: ImportRequest, console: Console, title: str
) -> pb.PreviewImportResponse:
    """Send the lines in chunks, and return what committing them would change."""
    who = client.staff(Role.PROGRAMME_MANAGER)
    started = await client.enrolment.StartImport(
        pb.StartImportRequest(file_name=request.file.name, complete=request.complete), metadata=who
    )
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(title, total=len(read.rows))
        for start in range(0, len(read.rows), _CHUNK):
            rows = read.rows[start : start + _CHUNK]
            await client.enrolment.AddImportRows(pb.AddImportRowsRequest(import_id=started.id, rows=rows), metadata=who)
            progress.advance(task, len(rows))
    return await client.enrolment.PreviewImport(pb.PreviewImportRequest(import_id=started.id), metadata=who)


def _show_problems(preview: pb.PreviewImportResponse, read: HrisFile, console: Console, language: str) -> None:
    if not preview.problems:
        return
    words = _WORDS[language]
    table = Table(*words["columns"], title=str(words["problems"]), title_justify="left")
    for problem in preview.problems[:_PROBLEMS_SHOWN]:
        reason = problem.reason.fr if language == "fr" else problem.reason.en
        table.add_row(str(problem.line), read.headings[problem.column], problem.value, reason)
    console.print(table)
    if len(preview.problems) > _PROBLEMS_SHOWN:
        console.print(str(words["more"]).format(count=len(preview.problems) - _PROBLEMS_SHOWN))


def _show_differences(preview: pb.PreviewImportResponse, console: Console, language: str) -> None:
    if not preview.differences:
        return
    words = _WORDS[language]
    table = Table(*words["difference_columns"], title=str(words["differences"]), title_justify="left")
    for difference in preview.differences:
        change = pb.ImportChange.Name(difference.change).removeprefix("IMPORT_CHANGE_").lower()
        fields = [str(words[field]) if field in words else field for field in difference.fields]
        table.add_row(difference.reference, str(words[change]), ", ".join(fields))
    console.print(table)
    counts = preview.counts
    rest = counts.new + counts.changed + counts.leaving - len(preview.differences)
    if rest > 0:
        console.print(str(words["more"]).format(count=rest))
