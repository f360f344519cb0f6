from collections.abc import Mapping
from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.blueprint import Text
from tandem_enrolment.domain.hris_import import Change, Difference, HrisImport, Plan, Problem, plan_import
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.types import ImportId
from tandem_kit.domain import Clock, RuleBroken

_DIFFERENCES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class PreviewImport:
    """What committing would change, and every problem."""

    import_id: ImportId


@dataclass(frozen=True, slots=True)
class ImportCounts:
    lines: int
    new: int
    changed: int
    unchanged: int
    leaving: int
    bad_lines: int


@dataclass(frozen=True, slots=True)
class ImportProblem:
    line: int
    column: str
    value: str
    reason: Text


@dataclass(frozen=True, slots=True)
class Preview:
    import_id: ImportId
    counts: ImportCounts
    problems: tuple[ImportProblem, ...]
    differences: tuple[Difference, ...]


async def preview_import(query: PreviewImport, work: Work, clock: Clock) -> Preview:
    plan, _ = await plan_of(await work.imports.get(query.import_id), work)
    problems = tuple(_shown(problem) for problem in plan.problems)
    return Preview(query.import_id, counts_of(plan), problems, plan.differences[:_DIFFERENCES_SHOWN])


async def plan_of(staged: HrisImport, work: Work) -> tuple[Plan, Mapping[str, Person]]:
    """Return the plan of an import, and the people it was compared with by reference."""
    lines = await work.lines.where(import_id=staged.id)
    if staged.complete:
        people = await work.people.where()
    else:
        named = {
            r.strip()
            for line in lines
            for r in (line.reference, line.manager_reference, line.functional_manager_reference)
        }
        people = await _with_everybody_above(await work.people.where(reference=sorted(named)), work)
    sites = {str(site.site) for site in await work.sites.where()}
    known = {person.reference: person for person in people}
    return plan_import(lines, sites, known, complete=staged.complete), known


async def _with_everybody_above(people: list[Person], work: Work) -> list[Person]:
    found = {person.id: person for person in people}
    while True:
        managers = {key for p in found.values() for key in (p.manager_id, p.functional_manager_id) if key}
        missing = managers - found.keys()
        if not missing:
            return list(found.values())
        found |= await work.people.find_many(missing)


def counts_of(plan: Plan) -> ImportCounts:
    return ImportCounts(
        lines=plan.lines,
        new=plan.count(Change.NEW),
        changed=plan.count(Change.CHANGED),
        unchanged=plan.unchanged,
        leaving=len(plan.leavers),
        bad_lines=plan.bad_lines,
    )


def _shown(problem: Problem) -> ImportProblem:
    broken = RuleBroken(problem.rule, **problem.details)
    return ImportProblem(
        problem.line, problem.column, problem.value, Text(en=broken.sentence("en"), fr=broken.sentence("fr"))
    )
