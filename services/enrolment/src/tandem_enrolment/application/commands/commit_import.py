from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

from tandem_enrolment.application.ports import Work
from tandem_enrolment.application.queries.preview_import import ImportCounts, counts_of, plan_of
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.types import ImportId, PersonId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class CommitImport:
    """Apply a staged import as a whole; with `despite_problems`, its good lines."""

    import_id: ImportId
    despite_problems: bool


@dataclass(frozen=True, slots=True)
class Committed:
    id: UUID
    version: int
    counts: ImportCounts


async def commit_import(command: CommitImport, work: Work, clock: Clock) -> Committed:
    staged = await work.imports.get(command.import_id)
    plan, known = await plan_of(staged, work)
    active = sum(person.active for person in known.values())
    staged.commit(plan, active, despite_problems=command.despite_problems)

    ids = {r: PersonId(known[r].id if r in known else uuid4()) for r in [*known, *plan.people]}
    changed: list[Person] = []
    for reference, details in plan.people.items():
        manager = ids[details.manager_reference] if details.manager_reference else None
        functional = ids[details.functional_manager_reference] if details.functional_manager_reference else None
        person = known.get(reference)
        if person is None:
            work.people.add(Person.register(ids[reference], details, manager, functional))
        elif person.differs_from(details, manager, functional):
            person.update(details, manager, functional)
            changed.append(person)
    for reference in plan.leavers - plan.people.keys():
        known[reference].leave()
        changed.append(known[reference])
    await _follow(changed, work, clock)
    # What the file said of people is theirs: it is kept no longer than it is needed.
    for line in await work.lines.where(import_id=staged.id):
        work.lines.remove(line.id)
    return Committed(staged.id, staged.version, counts_of(plan))


async def _follow(people: Iterable[Person], work: Work, clock: Clock) -> None:
    """Leavers leave their programmes; whoever changed site goes on there under a new enrolment."""
    by_id = {person.id: person for person in people}
    if not by_id:
        return
    for enrolment in await work.enrolments.where(person_id=sorted(by_id), withdrawn=False):
        person = by_id[enrolment.person_id]
        if not person.active:
            enrolment.withdraw()
        elif person.workplace != enrolment.site:
            enrolment.withdraw()
            work.enrolments.add(enrolment.reopened_at(person.workplace, clock.now()))
