from datetime import timedelta
from typing import Any

import pytest

from tandem_enrolment.adapters.work import EnrolmentWork
from tandem_enrolment.application.commands.add_import_rows import AddImportRows, PersonRow
from tandem_enrolment.application.commands.commit_import import CommitImport
from tandem_enrolment.application.commands.start_import import StartImport
from tandem_enrolment.application.queries.preview_import import ImportCounts, PreviewImport
from tandem_enrolment.domain.enrolment import Enrolment as Part
from tandem_enrolment.domain.hris_import import Line, plan_import
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.site import Site
from tandem_enrolment.domain.types import ImportId, PersonId, SiteCode, Topic
from tandem_kit.domain import RuleBroken
from tandem_kit.policy import Scope
from tandem_kit.testing.house import House
from tests.unit.enrolment.builders import LYON, a_blueprint, a_line, a_person, an_open_site

Enrolment = House[EnrolmentWork]


def problems(*lines: Line, **known: Person) -> list[tuple[int, str, str]]:
    plan = plan_import(lines, {"lyon"}, known, complete=False)
    return [(problem.line, problem.column, problem.rule.name) for problem in plan.problems]


def test_a_clean_line_has_no_problem() -> None:
    assert problems(a_line()) == []


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("reference", " ", "required"),
        ("family_name", "", "required"),
        ("mail", "à compléter", "bad_mail"),
        ("site", "Siège", "unknown_site"),
        ("manager_reference", "M99", "unknown_manager"),
        ("manager_reference", "M2", "own_manager"),
        ("functional_manager_reference", "M99", "unknown_manager"),
        ("grade_band", "Stagiaire?", "unknown_word"),
        ("career_stage", "45 ans", "unknown_word"),
        ("languages", "français", "bad_language"),
        ("status", "?", "unknown_word"),
    ],
)
def test_every_bad_cell_is_told_with_line_column_and_reason(column: str, value: str, rule: str) -> None:
    cell: dict[str, Any] = {column: value}
    assert problems(a_line(**cell)) == [(2, column, rule)]


def test_all_problems_of_a_line_are_told_at_once() -> None:
    assert len(problems(a_line(mail="", site="", grade_band=""))) == 3


def test_a_reference_that_stands_twice_is_told_with_the_first_line() -> None:
    assert problems(a_line(line=2, reference="M7"), a_line(line=3, reference="M7")) == [
        (3, "reference", "reference_twice")
    ]


def test_a_circle_of_managers_is_told() -> None:
    found = problems(
        a_line(line=2, manager_reference="M3"),
        a_line(line=3, manager_reference="M4"),
        a_line(line=4, manager_reference="M2"),
    )
    assert [rule for _, _, rule in found] == ["management_circle"] * 3


def test_whoever_reports_to_a_bad_line_is_told_too() -> None:
    found = problems(a_line(line=2, mail="?"), a_line(line=3, manager_reference="M2"))
    assert found == [(2, "mail", "bad_mail"), (3, "manager_reference", "unknown_manager")]


def test_habits_of_hr_are_no_problem() -> None:
    assert problems(a_line(family_name=" LE GOFF ", languages="fr, en", grade_band="CADRE DIRIGEANT")) == []


async def staged(enrolment: Enrolment, *lines: Line, complete: bool = False) -> ImportId:
    key = ImportId((await enrolment.does(StartImport("hris.csv", complete=complete))).id)
    fields = PersonRow.__dataclass_fields__
    rows = tuple(PersonRow(**{name: getattr(line, name) for name in fields}) for line in lines)
    await enrolment.does(AddImportRows(key, rows))
    return key


async def test_an_import_registers_people_below_their_managers(enrolment: Enrolment) -> None:
    await enrolment.has(an_open_site())
    key = await staged(enrolment, a_line(line=2, manager_reference="M3"), a_line(line=3))
    await enrolment.does(CommitImport(key, despite_problems=False))
    facts = enrolment.facts()
    assert {type(fact).__name__ for fact in facts} == {"PersonRegistered"}
    below = next(fact for fact in facts if fact.HasField("manager_id"))
    assert below.manager_id in {fact.person_id for fact in facts}  # type: ignore[attr-defined]


async def test_nothing_is_imported_from_a_file_with_problems_unless_asked_for(enrolment: Enrolment) -> None:
    await enrolment.has(an_open_site())
    key = await staged(enrolment, a_line(line=2), a_line(line=3, mail="?"))
    with pytest.raises(RuleBroken, match="import_has_problems"):
        await enrolment.does(CommitImport(key, despite_problems=False))
    assert enrolment.told() == []
    await enrolment.does(CommitImport(key, despite_problems=True))
    assert enrolment.told() == ["PersonRegistered"]


async def test_importing_the_same_file_again_changes_nothing(enrolment: Enrolment) -> None:
    await enrolment.has(an_open_site())
    lines = [a_line(line=2, manager_reference="M3"), a_line(line=3)]
    await enrolment.does(CommitImport(await staged(enrolment, *lines), despite_problems=False))
    enrolment.facts()
    again = await enrolment.does(CommitImport(await staged(enrolment, *lines), despite_problems=False))
    assert again.counts == ImportCounts(lines=2, new=0, changed=0, unchanged=2, leaving=0, bad_lines=0)
    assert enrolment.told() == []


async def test_a_preview_changes_nothing(enrolment: Enrolment) -> None:
    await enrolment.has(an_open_site())
    preview = await enrolment.does(PreviewImport(await staged(enrolment, a_line())))
    assert preview.counts.new == 1
    assert enrolment.told() == []


async def test_a_complete_file_that_would_make_many_leave_is_refused(enrolment: Enrolment) -> None:
    await enrolment.has(an_open_site(), *(a_person() for _ in range(9)))
    key = await staged(enrolment, a_line(), complete=True)
    with pytest.raises(RuleBroken, match="too_many_leavers"):
        await enrolment.does(CommitImport(key, despite_problems=False))


async def test_hr_of_one_site_cannot_say_that_a_file_names_everybody(enrolment: Enrolment) -> None:
    lyon = Scope(frozenset({"lyon"}))
    with pytest.raises(RuleBroken, match="complete_file_of_one_site"):
        await enrolment.does(StartImport("hris.csv", complete=True), lyon)
    await enrolment.does(StartImport("hris.csv", complete=False), lyon)


async def test_a_file_of_one_site_moves_nobody_of_another(enrolment: Enrolment) -> None:
    nice = Site.register(SiteCode("nice"), "Nice", "Europe/Paris")
    await enrolment.has(an_open_site(), nice, a_person(reference="M2", workplace=SiteCode("nice")))
    key = await staged(enrolment, a_line(reference="M2"))
    preview = await enrolment.does(PreviewImport(key), Scope(frozenset({"lyon"})))
    assert [(p.column, p.reason.en.split(";")[0]) for p in preview.problems] == [
        ("reference", "is somebody of the site nice, which is not yours")
    ]
    assert (await enrolment.does(PreviewImport(key))).problems == ()


def test_whoever_keeps_an_old_manager_because_a_circle_was_refused_closes_no_other_circle() -> None:
    above_all, person = a_person(reference="B"), a_person(reference="A")
    person.manager_id = PersonId(above_all.id)
    lines = (
        a_line(line=2, reference="A", manager_reference="C"),
        a_line(line=3, reference="C", manager_reference="A"),
        a_line(line=4, reference="B", manager_reference="A"),
    )
    found = problems(*lines, A=person, B=above_all)
    assert [(line, rule) for line, _, rule in found] == [
        (2, "management_circle"),
        (3, "management_circle"),
        (4, "management_circle"),
    ]


async def test_blanks_around_a_reference_make_nobody_new(enrolment: Enrolment) -> None:
    await enrolment.has(an_open_site(), a_person(reference="M2"))
    key = await staged(enrolment, a_line(reference=" M2 "))
    assert (await enrolment.does(PreviewImport(key))).counts.new == 0


async def test_the_lines_of_a_file_are_kept_no_longer_than_needed(enrolment: Enrolment) -> None:
    await enrolment.has(an_open_site())
    key = await staged(enrolment, a_line())
    await enrolment.does(CommitImport(key, despite_problems=False))
    async with enrolment.works.read() as work:
        assert await work.lines.where() == []


async def test_an_import_that_nobody_commits_is_discarded_with_its_lines(enrolment: Enrolment) -> None:
    await enrolment.has(an_open_site())
    key = await staged(enrolment, a_line())
    await enrolment.lets_pass(timedelta(days=3))
    async with enrolment.works.read() as work:
        assert await work.lines.where() == []
    with pytest.raises(RuleBroken, match="import_over"):
        await enrolment.does(CommitImport(key, despite_problems=True))


async def test_a_leaver_leaves_their_programmes(enrolment: Enrolment) -> None:
    person = a_person(reference="M2")
    await enrolment.has(an_open_site(), person, part_of(enrolment, person))
    key = await staged(enrolment, a_line(line=2, status="Sorti"))
    await enrolment.does(CommitImport(key, despite_problems=True))
    assert sorted(enrolment.told()) == ["EnrolmentWithdrawn", "PersonLeft"]


async def test_somebody_who_moves_goes_on_at_the_new_site_under_a_new_enrolment(enrolment: Enrolment) -> None:
    person = a_person(reference="M2", workplace="nantes")
    part = part_of(enrolment, person)
    part.certified = True
    nantes = Site.register(SiteCode("nantes"), "Nantes", "Europe/Paris")
    await enrolment.has(an_open_site(), nantes, person, part)
    key = await staged(enrolment, a_line(line=2))
    await enrolment.does(CommitImport(key, despite_problems=False))
    told = enrolment.told()
    assert sorted(told) == ["EnrolmentWithdrawn", "MentorCertified", "MentorEnrolled", "PersonMoved"]


def part_of(enrolment: Enrolment, person: Person) -> Part:
    mentor_rules = a_blueprint()
    part = Part.of_mentor(
        a_line().import_id,  # type: ignore[arg-type]
        mentor_rules,
        person,
        [Topic("first", 1)],
        1,
        ["fr"],
        [],
        enrolment.clock.now(),
    )
    part.site = person.workplace or LYON
    return part
