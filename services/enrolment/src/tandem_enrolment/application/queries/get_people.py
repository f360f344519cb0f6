from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import PersonId, SiteCode
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class GetPeople:
    """Names, for those who may read them."""

    person_ids: tuple[PersonId, ...]


@dataclass(frozen=True, slots=True)
class NamedPerson:
    id: PersonId
    given_name: str
    family_name: str
    mail: str
    site: SiteCode
    department: str
    active: bool


@dataclass(frozen=True, slots=True)
class People:
    people: tuple[NamedPerson, ...]


async def get_people(query: GetPeople, work: Work, clock: Clock) -> People:
    found = await work.people.find_many(query.person_ids)
    return People(
        tuple(
            NamedPerson(PersonId(p.id), p.given_name, p.family_name, p.mail, p.workplace, p.department, p.active)
            for p in found.values()
            if work.scope.allows(p.workplace)
        )
    )
