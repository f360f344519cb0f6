from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import PersonId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class MapReferences:
    """Which person stands behind each HRIS reference, or the other way round."""

    references: tuple[str, ...]
    person_ids: tuple[PersonId, ...]


@dataclass(frozen=True, slots=True)
class ReferenceMapping:
    reference: str
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class Mappings:
    mappings: tuple[ReferenceMapping, ...]


async def map_references(query: MapReferences, work: Work, clock: Clock) -> Mappings:
    people = [
        *(await work.people.where(reference=list(query.references)) if query.references else []),
        *(await work.people.find_many(query.person_ids)).values(),
    ]
    found = {person.reference: PersonId(person.id) for person in people}
    return Mappings(tuple(ReferenceMapping(reference, key) for reference, key in sorted(found.items())))
