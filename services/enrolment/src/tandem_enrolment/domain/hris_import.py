"""An HRIS file: what each line means, what is wrong with it, and what importing it would change."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from uuid import UUID, uuid4, uuid5

from tandem_enrolment.domain import rules
from tandem_enrolment.domain.person import Details, Person
from tandem_enrolment.domain.rules import above
from tandem_enrolment.domain.types import CareerStage, GradeBand, ImportId, PersonId, SiteCode
from tandem_kit.domain import Aggregate, Rule, refuse_unless

MOST_LEAVERS = 0.1
"""Share of the active people whom one complete file may make leave without being asked."""

# What HRIS exports write, in either language, without case.
_GRADE_BANDS = {
    "employé": GradeBand.EMPLOYEE,
    "employee": GradeBand.EMPLOYEE,
    "agent de maîtrise": GradeBand.PROFESSIONAL,
    "professional": GradeBand.PROFESSIONAL,
    "cadre": GradeBand.MANAGER,
    "manager": GradeBand.MANAGER,
    "cadre dirigeant": GradeBand.EXECUTIVE,
    "executive": GradeBand.EXECUTIVE,
}
_CAREER_STAGES = {
    "début": CareerStage.EARLY,
    "early": CareerStage.EARLY,
    "milieu": CareerStage.MID,
    "mid": CareerStage.MID,
    "confirmé": CareerStage.SENIOR,
    "senior": CareerStage.SENIOR,
}
_STATUSES = {"actif": True, "active": True, "sorti": False, "left": False}
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}")

required = Rule("required", en="must be filled in", fr="doit être rempli")
unknown_word = Rule("unknown_word", en="is not known; expected: {words}", fr="est inconnu ; attendu : {words}")
bad_mail = Rule("bad_mail", en="is not a mail address", fr="n'est pas une adresse de courriel")
bad_language = Rule(
    "bad_language", en="is a list of language codes, as fr,en", fr="est une liste de codes de langue, comme fr,en"
)
unknown_site = Rule("unknown_site", en="is not a registered site", fr="n'est pas un site enregistré")
unknown_manager = Rule(
    "unknown_manager",
    en="is nobody's reference, here or in Tandem",
    fr="n'est le matricule de personne, ni ici ni dans Tandem",
)
person_elsewhere = Rule(
    "person_elsewhere",
    en="is somebody of the site {site}, which is not yours; a file of the whole company moves people between sites",
    fr="est du site {site}, qui n'est pas le vôtre ; un fichier de toute l'entreprise déplace les personnes",
)
own_manager = Rule("own_manager", en="is the person's own reference", fr="est le matricule de la personne elle-même")
management_circle = Rule(
    "management_circle",
    en="makes a circle: the person would be above themself",
    fr="forme une boucle : la personne serait au-dessus d'elle-même",
)
reference_twice = Rule("reference_twice", en="stands already in line {line}", fr="figure déjà à la ligne {line}")


class ImportState(StrEnum):
    STAGED = "staged"
    COMMITTED = "committed"
    DISCARDED = "discarded"


class Change(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it stands in the file."""

    id: UUID
    import_id: ImportId
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


def line_id(import_id: ImportId, line: int) -> UUID:
    """Return the id of a line: sending it again replaces it."""
    return uuid5(import_id, str(line))


@dataclass(frozen=True, slots=True)
class Problem:
    line: int
    column: str
    value: str
    rule: Rule
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    reference: str
    change: Change
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What importing the good lines would do."""

    lines: int
    people: Mapping[str, Details]
    problems: tuple[Problem, ...]
    differences: tuple[Difference, ...]
    leavers: frozenset[str]
    unchanged: int

    def count(self, change: Change) -> int:
        return sum(difference.change is change for difference in self.differences)

    @property
    def bad_lines(self) -> int:
        return len({problem.line for problem in self.problems})


@dataclass(kw_only=True)
class HrisImport(Aggregate):
    """A file on its way in. It records no facts: what it changes in people does."""

    file_name: str
    complete: bool
    state: ImportState = ImportState.STAGED

    @classmethod
    def start(cls, file_name: str, *, complete: bool) -> Self:
        return cls(id=uuid4(), file_name=file_name, complete=complete)

    def take_lines(self) -> None:
        refuse_unless(self.state is ImportState.STAGED, rules.import_over)

    def discard(self) -> None:
        """Nobody committed it in time: what the file said of people is not kept."""
        if self.state is ImportState.STAGED:
            self.state = ImportState.DISCARDED

    def commit(self, plan: Plan, active: int, *, despite_problems: bool) -> None:
        """Agree to the plan, unless the file has problems or looks incomplete and nobody said to go on."""
        refuse_unless(self.state is ImportState.STAGED, rules.import_over)
        refuse_unless(despite_problems or not plan.problems, rules.import_has_problems, count=len(plan.problems))
        leaving = len(plan.leavers)
        few = not self.complete or leaving <= MOST_LEAVERS * active
        refuse_unless(despite_problems or few, rules.too_many_leavers, leaving=leaving, active=active)
        self.state = ImportState.COMMITTED


def plan_import(lines: Iterable[Line], sites: set[str], known: Mapping[str, Person], *, complete: bool) -> Plan:
    """Read every line, find what is wrong, and compare the rest with the people that are known, by reference.

    `sites` are those that the caller reaches; people of others are no business of this file.
    """
    lines = sorted(lines, key=lambda line: line.line)
    in_file = {line.reference.strip() for line in lines}
    problems: list[Problem] = []
    good: dict[str, tuple[int, Details]] = {}
    first_seen: dict[str, int] = {}
    for line in lines:
        wrong = list(_problems_of(line, sites, in_file | known.keys(), first_seen))
        person = known.get(line.reference.strip())
        if person is not None and person.workplace not in sites:
            wrong.append(Problem(line.line, "reference", line.reference, person_elsewhere, {"site": person.workplace}))
        problems += wrong
        if not wrong:
            good[line.reference.strip()] = (line.line, _details_of(line))
    problems += _without_missing_managers(good, known)
    problems += _without_circles(good, known)
    people = {reference: details for reference, (_, details) in good.items()}
    leavers = (
        {r for r, p in known.items() if p.active and r not in in_file and p.workplace in sites} if complete else set()
    )
    leavers |= {r for r, d in people.items() if not d.active and r in known and known[r].active}
    differences = [*_differences(people, known)]
    differences += [Difference(r, Change.LEAVING) for r in sorted(leavers - people.keys())]
    unchanged = len(people) - len({d.reference for d in differences} & people.keys())
    problems.sort(key=lambda problem: (problem.line, problem.column))
    return Plan(len(lines), people, tuple(problems), tuple(differences), frozenset(leavers), unchanged)


def _problems_of(  # noqa: C901 - one check after the other, in the order of the columns
    line: Line, sites: set[str], references: set[str], first_seen: dict[str, int]
) -> Iterator[Problem]:
    def problem(column: str, rule: Rule, **details: object) -> Problem:
        return Problem(line.line, column, getattr(line, column), rule, details)

    for column in ("reference", "given_name", "family_name", "department"):
        if not getattr(line, column).strip():
            yield problem(column, required)
    reference = line.reference.strip()
    if reference:
        if reference in first_seen:
            yield problem("reference", reference_twice, line=first_seen[reference])
        first_seen.setdefault(reference, line.line)
    if not _MAIL.fullmatch(line.mail.strip()):
        yield problem("mail", bad_mail)
    if line.site.strip() not in sites:
        yield problem("site", unknown_site)
    for column in ("manager_reference", "functional_manager_reference"):
        manager = getattr(line, column).strip()
        if manager and manager == reference:
            yield problem(column, own_manager)
        elif manager and manager not in references:
            yield problem(column, unknown_manager)
    for column, words in (("grade_band", _GRADE_BANDS), ("career_stage", _CAREER_STAGES), ("status", _STATUSES)):
        if getattr(line, column).strip().lower() not in words:
            yield problem(column, unknown_word, words=", ".join(words))
    languages = _languages(line.languages)
    if not languages or not all(_LANGUAGE.fullmatch(language) for language in languages):
        yield problem("languages", bad_language)


def _details_of(line: Line) -> Details:
    return Details(
        reference=line.reference.strip(),
        given_name=line.given_name.strip(),
        family_name=line.family_name.strip(),
        mail=line.mail.strip(),
        site=SiteCode(line.site.strip()),
        manager_reference=line.manager_reference.strip() or None,
        functional_manager_reference=line.functional_manager_reference.strip() or None,
        department=line.department.strip(),
        grade_band=_GRADE_BANDS[line.grade_band.strip().lower()],
        career_stage=_CAREER_STAGES[line.career_stage.strip().lower()],
        languages=_languages(line.languages),
        active=_STATUSES[line.status.strip().lower()],
    )


def _languages(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[\s,/|]+", text.strip().lower()) if part)


def _without_missing_managers(good: dict[str, tuple[int, Details]], known: Mapping[str, Person]) -> list[Problem]:
    """Leave out, again and again, whoever reports to somebody whose own line is bad and who is not known."""
    problems: list[Problem] = []
    while True:
        missing = [
            Problem(number, column, manager, unknown_manager)
            for number, details in good.values()
            for column in ("manager_reference", "functional_manager_reference")
            if (manager := getattr(details, column)) and manager not in good and manager not in known
        ]
        if not missing:
            return problems
        problems += missing
        bad = {problem.line for problem in missing}
        for reference in [r for r, (number, _) in good.items() if number in bad]:
            del good[reference]


def _without_circles(good: dict[str, tuple[int, Details]], known: Mapping[str, Person]) -> list[Problem]:
    """Leave out whoever would be above themself, and look again: the others may report to whom they reported before."""
    key_of = {reference: uuid5(UUID(int=0), reference) for reference in good} | {r: p.id for r, p in known.items()}
    managers = {person.id: _present(person.manager_id, person.functional_manager_id) for person in known.values()}
    for reference, (_, details) in good.items():
        superiors = (details.manager_reference, details.functional_manager_reference)
        managers[key_of[reference]] = tuple(key_of[r] for r in superiors if r)
    problems = [
        Problem(number, "manager_reference", details.manager_reference or "", management_circle)
        for reference, (number, details) in good.items()
        if key_of[reference] in above(key_of[reference], managers)
    ]
    bad = {problem.line for problem in problems}
    for reference in [r for r, (number, _) in good.items() if number in bad]:
        del good[reference]
    if not bad:
        return []
    return [*problems, *_without_missing_managers(good, known), *_without_circles(good, known)]


def _present(*ids: PersonId | None) -> tuple[UUID, ...]:
    return tuple(key for key in ids if key is not None)


def _differences(people: Mapping[str, Details], known: Mapping[str, Person]) -> Iterator[Difference]:
    for reference, details in people.items():
        person = known.get(reference)
        if person is None:
            yield Difference(reference, Change.NEW)
            continue
        if person.active and not details.active:
            yield Difference(reference, Change.LEAVING)
            continue
        manager, functional = (
            # Somebody new has no id yet, and so differs from every manager that is known.
            None if r is None else PersonId(known[r].id if r in known else UUID(int=0))
            for r in (details.manager_reference, details.functional_manager_reference)
        )
        fields = person.differs_from(details, manager, functional)
        if fields:
            yield Difference(reference, Change.CHANGED, tuple(fields))
