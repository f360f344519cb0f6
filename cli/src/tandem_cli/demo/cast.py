"""Who plays: chosen from the HRIS file by a seed, and known to the services by their ids."""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from tandem.enrolment.v1 import service_pb2 as enrolment
from tandem.enrolment.v1.types_pb2 import Topic
from tandem_cli.client import Client
from tandem_cli.people.generate import Employee
from tandem_kit.policy import Role

MENTORS_FIRST_WAVE = 55
MENTORS_SECOND_WAVE = 53
EXECUTIVES = 190
_MAPPED_AT_ONCE = 5000


@dataclass(frozen=True)
class Actor:
    """A person of the HRIS file who takes part."""

    id: str
    hris: Employee

    @property
    def reference(self) -> str:
        return self.hris.reference

    @property
    def languages(self) -> list[str]:
        return self.hris.languages.replace(" ", "").split(",")


class Chance:
    """Chance that depends on a seed and on what is asked about whom, never on when it is asked."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def of(self, *about: object) -> random.Random:
        return random.Random("/".join(str(part) for part in (self._seed, *about)))

    def happens(self, probability: float, *about: object) -> bool:
        return self.of(*about).random() < probability


@dataclass(frozen=True)
class Cast:
    first_mentors: list[Actor]
    second_mentors: list[Actor]
    executives: list[Actor]
    staff: dict[str, list[Actor]]
    """By site, everybody else who may come to a collective session."""

    def everybody(self) -> dict[str, Actor]:
        people = [*self.first_mentors, *self.second_mentors, *self.executives]
        people += [actor for staff in self.staff.values() for actor in staff]
        return {actor.id: actor for actor in people}


async def choose_cast(client: Client, company: list[Employee], sites: list[str], chance: Chance) -> Cast:
    """Choose volunteers among the people who were imported."""
    ids = await _ids_of(client, [employee.reference for employee in company])
    actors = [Actor(ids[e.reference], e) for e in company if e.reference in ids]
    headquarters = sites[0]
    executives = [a for a in actors if a.hris.grade_band == "Cadre dirigeant" and a.hris.site == headquarters]
    young = [
        a for a in actors if a.hris.career_stage == "Début" and a.hris.grade_band in {"Employé", "Agent de maîtrise"}
    ]
    chance.of("volunteers").shuffle(young)
    first = [a for a in young if a.hris.site == headquarters][:MENTORS_FIRST_WAVE]
    taken = {a.id for a in first}
    # The second wave: some at every other site, the rest at headquarters.
    others = [a for site in sites[1:] for a in [y for y in young if y.hris.site == site][:2]]
    at_headquarters = [a for a in young if a.hris.site == headquarters and a.id not in taken]
    second = [*others, *at_headquarters][:MENTORS_SECOND_WAVE]
    taken |= {a.id for a in second} | {a.id for a in executives}
    staff: dict[str, list[Actor]] = {site: [] for site in sites}
    for actor in actors:
        if actor.id not in taken and actor.hris.site in staff:
            staff[actor.hris.site].append(actor)
    for site, people in staff.items():
        chance.of("curious", site).shuffle(people)
    return Cast(first, second, executives[:EXECUTIVES], staff)


async def _ids_of(client: Client, references: list[str]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for start in range(0, len(references), _MAPPED_AT_ONCE):
        request = enrolment.MapReferencesRequest(references=references[start : start + _MAPPED_AT_ONCE])
        answer = await client.enrolment.MapReferences(request, metadata=client.staff(Role.PROGRAMME_MANAGER))
        ids |= {mapping.reference: mapping.person_id for mapping in answer.mappings}
    return ids


def topics_of(actor: Actor, modules: Iterable[str], chance: Chance, count: int) -> list[Topic]:
    """Return what an actor offers or wants: some of the themes, at levels from 1 to 3."""
    pick = chance.of("topics", actor.reference)
    return [Topic(code=code, level=pick.randint(1, 3)) for code in sorted(pick.sample(sorted(modules), count))]
