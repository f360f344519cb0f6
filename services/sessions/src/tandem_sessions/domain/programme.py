"""What sessions needs of a programme: its curriculum and rules, and when it runs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tandem_kit.domain import refuse_unless
from tandem_sessions.domain import rules


@dataclass(frozen=True, slots=True)
class Text:
    en: str
    fr: str


@dataclass(frozen=True, slots=True)
class Step:
    minutes: int
    text: Text


@dataclass(frozen=True, slots=True)
class Module:
    """One theme with its running order."""

    code: str
    title: Text
    running_order: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class OneToOneRules:
    minutes_min: int
    minutes_max: int
    sessions_per_person_max: int
    objectives_min: int
    objectives_max: int


@dataclass(frozen=True, slots=True)
class CollectiveRules:
    mentors_min: int
    mentors_max: int
    seats_max: int
    minutes_min: int
    minutes_max: int
    from_month: int


@dataclass(kw_only=True)
class Curriculum:
    """The part of a blueprint that sessions carries out; its id is the programme's."""

    id: UUID
    modules: list[Module]
    one_to_one: OneToOneRules
    collective: CollectiveRules | None

    def check_module(self, code: str) -> None:
        refuse_unless(any(m.code == code for m in self.modules), rules.unknown_module, module=code)

    def check_length(self, minutes: int, limits: OneToOneRules | CollectiveRules) -> None:
        least, most = limits.minutes_min, limits.minutes_max
        refuse_unless(least <= minutes <= most, rules.session_length, least=least, most=most)

    def check_objectives(self, count: int) -> None:
        least, most = self.one_to_one.objectives_min, self.one_to_one.objectives_max
        refuse_unless(least <= count <= most, rules.number_of_objectives, least=least, most=most)

    def check_collective(self, mentors: int, seats: int, minutes: int) -> CollectiveRules:
        refuse_unless(self.collective, rules.programme_has_no_collective_sessions)
        limits = self.collective
        assert limits is not None  # noqa: S101 - refused above
        least, most = limits.mentors_min, limits.mentors_max
        refuse_unless(least <= mentors <= most, rules.number_of_mentors, least=least, most=most)
        refuse_unless(seats <= limits.seats_max, rules.too_many_seats, most=limits.seats_max)
        self.check_length(minutes, limits)
        return limits


@dataclass(kw_only=True)
class ProgrammeDates:
    """When a programme runs, as its events tell; its id is the programme's."""

    id: UUID
    opened_at: datetime
    ended: bool = False

    def month_of(self, at: datetime) -> int:
        """Return the month of the programme, from 1, that a time falls in."""
        months = (at.year - self.opened_at.year) * 12 + at.month - self.opened_at.month
        begun = (at.day, at.timetz()) >= (self.opened_at.day, self.opened_at.timetz())
        return months + (1 if begun else 0)


@dataclass(kw_only=True)
class Mentor:
    """A mentor's enrolment, as its events tell; its id is the enrolment's."""

    id: UUID
    programme_id: UUID
    person_id: UUID
    certified: bool = False
    withdrawn: bool = False


@dataclass(kw_only=True)
class OpenSite:
    """A site that has opened."""

    id: UUID
    code: str


@dataclass(kw_only=True)
class Employee:
    """A person, as enrolment's events tell; its id is the person's."""

    id: UUID
    active: bool = True
