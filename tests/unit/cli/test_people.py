from pathlib import Path
from uuid import uuid4

import pytest

from tandem_cli.errors import Trouble
from tandem_cli.people.generate import generate_company, spoil, write_hris_file
from tandem_cli.people.hris_file import HEADINGS, read_hris_file
from tandem_enrolment.domain.hris_import import Line, line_id, plan_import
from tandem_enrolment.domain.types import ImportId


def lines_of(file: Path) -> list[Line]:
    key = ImportId(uuid4())
    rows = read_hris_file(file).rows
    return [
        Line(id=line_id(key, row.line), import_id=key, line=row.line, **{name: getattr(row, name) for name in HEADINGS})
        for row in rows
    ]


def test_the_same_seed_gives_the_same_people() -> None:
    assert generate_company(7, 500, 5) == generate_company(7, 500, 5)
    assert generate_company(7, 500, 5) != generate_company(8, 500, 5)


def test_a_generated_file_is_as_hr_sends_it_and_its_bad_lines_are_found(tmp_path: Path) -> None:
    company = generate_company(3, 1000, 20)
    file = tmp_path / "hris.csv"
    write_hris_file(spoil(company, 3), file)
    raw = file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfMatricule;Nom;Pr\xc3\xa9nom;")
    plan = plan_import(lines_of(file), {e.site for e in company}, {}, complete=True)
    # Six faults in a thousand, and one person twice.
    assert plan.bad_lines == 7
    assert len(plan.people) == 1000 - 6


def test_a_clean_company_has_several_levels_below_one_head(tmp_path: Path) -> None:
    company = generate_company(3, 1000, 20)
    by_reference = {e.reference: e for e in company}

    def depth(reference: str) -> int:
        manager = by_reference[reference].manager_reference
        return 1 + depth(manager) if manager else 0

    assert sum(not e.manager_reference for e in company) == 1
    assert max(depth(e.reference) for e in company) >= 4


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "cp1252"), (";", "utf-8-sig")])
def test_files_of_other_habits_are_read_too(tmp_path: Path, delimiter: str, encoding: str) -> None:
    english = [names[1] for names in HEADINGS.values()]
    cells = ["M1", "Lefèvre", "Zoé", "z@x.fr", "lyon", "", "", "IT", "Employee", "Early", "fr", "Active"]
    file = tmp_path / "other.csv"
    file.write_text(f"{delimiter.join(english)}\n\n{delimiter.join(cells)}\n", encoding=encoding)
    (row,) = read_hris_file(file).rows
    assert (row.line, row.family_name, row.given_name) == (3, "Lefèvre", "Zoé")


def test_a_file_without_a_heading_or_without_lines_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("Matricule;Nom\nM1;Martin\n")
    with pytest.raises(Trouble, match="lacks: Prénom / Given name"):
        read_hris_file(file)
    file.write_text(";".join(names[0] for names in HEADINGS.values()) + "\n")
    with pytest.raises(Trouble, match="no line below its headings"):
        read_hris_file(file)
    with pytest.raises(Trouble, match="there is no such file"):
        read_hris_file(tmp_path / "none.csv")
