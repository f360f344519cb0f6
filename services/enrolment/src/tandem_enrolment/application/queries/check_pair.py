from dataclasses import dataclass
from uuid import UUID

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.enrolment import Enrolment
from tandem_enrolment.domain.rules import in_same_reporting_line, not_enrolled, person_has_left, same_reporting_line
from tandem_enrolment.domain.types import PersonId, ProgrammeId, Role
from tandem_kit.domain import Clock, Rule


@dataclass(frozen=True, slots=True)
class CheckPair:
    """Whether two people may be paired at this moment."""

    programme_id: ProgrammeId
    mentor_id: PersonId
    mentee_id: PersonId


@dataclass(frozen=True, slots=True)
class PairCheck:
    eligible: bool
    broken_rules: tuple[str, ...]


async def check_pair(query: CheckPair, work: Work, clock: Clock) -> PairCheck:
    people = await work.people.find_many([query.mentor_id, query.mentee_id])
    broken: list[Rule] = []
    for person_id, role in ((query.mentor_id, Role.MENTOR), (query.mentee_id, Role.MENTEE)):
        person = people.get(person_id)
        if person is None or not person.active:
            broken.append(person_has_left)
        forbids = _what_forbids(
            await work.enrolments.where(programme_id=query.programme_id, person_id=person_id, role=role)
        )
        if forbids is not None:
            broken.append(forbids)
    programme = await work.programmes.get(query.programme_id)
    if programme.blueprint.matching.forbid_reporting_line and in_same_reporting_line(
        query.mentor_id, query.mentee_id, await _managers_above([query.mentor_id, query.mentee_id], work)
    ):
        broken.append(same_reporting_line)
    return PairCheck(eligible=not broken, broken_rules=tuple(rule.name for rule in broken))


def _what_forbids(enrolments: list[Enrolment]) -> Rule | None:
    if not enrolments:
        return not_enrolled
    reasons = [enrolment.what_forbids_pairing() for enrolment in enrolments]
    return None if None in reasons else reasons[-1]


async def _managers_above(people: list[PersonId], work: Work) -> dict[UUID, tuple[UUID, ...]]:
    managers: dict[UUID, tuple[UUID, ...]] = {}
    waiting: set[UUID] = set(people)
    while waiting:
        found = await work.people.find_many(waiting)
        for person in found.values():
            managers[person.id] = tuple(key for key in (person.manager_id, person.functional_manager_id) if key)
        waiting = {manager for person in found for manager in managers[person]} - managers.keys()
    return managers
