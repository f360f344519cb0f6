from pathlib import Path

import pytest

from tandem_cli.blueprints import BadBlueprint, read_blueprint
from tandem_cli.settings import ROOT

AXA = ROOT / "blueprints" / "axa-france.yaml"


@pytest.mark.parametrize("file", sorted((ROOT / "blueprints").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_blueprint_is_well_formed_and_named_after_its_code(file: Path) -> None:
    assert read_blueprint(file).code == file.stem


@pytest.mark.parametrize(
    ("instead_of", "written", "told"),
    [
        ("capacity_max: 4", "capcity_max: 4", "line 10: capcity_max is not known here; expected one of career_stages"),
        ("capacity_max: 4", "capacity_max: four", "line 10: mentors.capacity_max is a whole number"),
        ("capacity_max: 4", "capacity_max: 40", "line 10: mentors.capacity_max is 40, and must be at most 20"),
        ("briefing: true", "briefing: perhaps", "line 16: mentees.briefing is true or false"),
        ("[executive]", "[boss]", "line 15: mentees.grade_bands[0] is one of employee, professional, manager"),
        ("[executive]", "executive", "line 15: mentees.grade_bands is a list"),
        ("code: axa-france", "code: AXA France", "line 1: code takes lower-case letters"),
        ("mentors:\n", "mentors: [\n", "line "),
    ],
)
def test_a_mistake_is_told_with_file_line_and_what_was_expected(
    tmp_path: Path, instead_of: str, written: str, told: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(AXA.read_text().replace(instead_of, written, 1))
    with pytest.raises(BadBlueprint) as mistake:
        read_blueprint(file)
    assert f"{file}, {told}" in str(mistake.value)
