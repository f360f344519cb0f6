"""A person as the HRIS knows them. Names are kept here and nowhere else."""

from dataclasses import dataclass, field
from typing import Self

from tandem_enrolment.domain.types import CareerStage, GradeBand, PersonId, SiteCode
from tandem_kit.domain import Aggregate


@dataclass(frozen=True, slots=True)
class PersonRegistered:
    person_id: PersonId
    site: SiteCode
    manager_id: PersonId | None
    functional_manager_id: PersonId | None


@dataclass(frozen=True, slots=True)
class PersonMoved:
    person_id: PersonId
    site: SiteCode
    manager_id: PersonId | None
    functional_manager_id: PersonId | None


@dataclass(frozen=True, slots=True)
class PersonLeft:
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class PersonReturned:
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class Details:
    """What one line of the HRIS says of a person, understood."""

    reference: str
    given_name: str
    family_name: str
    mail: str
    site: SiteCode
    manager_reference: str | None
    functional_manager_reference: str | None
    department: str
    grade_band: GradeBand
    career_stage: CareerStage
    languages: tuple[str, ...]
    active: bool


@dataclass(kw_only=True)
class Person(Aggregate):
    """People and runs carry a site as data only: no site limits who may look a reference up."""

    reference: str
    given_name: str
    family_name: str
    mail: str
    workplace: SiteCode
    manager_id: PersonId | None
    functional_manager_id: PersonId | None
    department: str
    grade_band: GradeBand
    career_stage: CareerStage
    languages: list[str] = field(default_factory=list)
    active: bool = True

    @classmethod
    def register(cls, key: PersonId, said: Details, manager: PersonId | None, functional: PersonId | None) -> Self:
        """Make a person from the first line that names them."""
        person = cls(
            id=key,
            reference=said.reference,
            given_name=said.given_name,
            family_name=said.family_name,
            mail=said.mail,
            workplace=said.site,
            manager_id=manager,
            functional_manager_id=functional,
            department=said.department,
            grade_band=said.grade_band,
            career_stage=said.career_stage,
            languages=list(said.languages),
        )
        person.record(PersonRegistered(key, said.site, manager, functional))
        if not said.active:
            person.leave()
        return person

    def update(self, said: Details, manager: PersonId | None, functional: PersonId | None) -> None:
        """Take over what the HRIS says now."""
        position = (self.workplace, self.manager_id, self.functional_manager_id)
        self.given_name, self.family_name, self.mail = said.given_name, said.family_name, said.mail
        self.department, self.grade_band, self.career_stage = said.department, said.grade_band, said.career_stage
        self.languages = list(said.languages)
        self.workplace, self.manager_id, self.functional_manager_id = said.site, manager, functional
        if said.active and not self.active:
            self.active = True
            self.record(PersonReturned(PersonId(self.id)))
        if position != (self.workplace, self.manager_id, self.functional_manager_id):
            self._moved()
        if not said.active:
            self.leave()

    def leave(self) -> None:
        """The person left the company; leaving twice changes nothing."""
        if self.active:
            self.active = False
            self.record(PersonLeft(PersonId(self.id)))

    def differs_from(self, said: Details, manager: PersonId | None, functional: PersonId | None) -> list[str]:
        """Return the names of what a line says differently."""
        pairs = {
            "given_name": (self.given_name, said.given_name),
            "family_name": (self.family_name, said.family_name),
            "mail": (self.mail, said.mail),
            "site": (self.workplace, said.site),
            "manager_reference": (self.manager_id, manager),
            "functional_manager_reference": (self.functional_manager_id, functional),
            "department": (self.department, said.department),
            "grade_band": (self.grade_band, said.grade_band),
            "career_stage": (self.career_stage, said.career_stage),
            "languages": (tuple(self.languages), said.languages),
            "status": (self.active, said.active),
        }
        return [name for name, (mine, theirs) in pairs.items() if mine != theirs]

    def _moved(self) -> None:
        self.record(PersonMoved(PersonId(self.id), self.workplace, self.manager_id, self.functional_manager_id))
