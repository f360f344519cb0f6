"""The words of enrolment's domain."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType
from uuid import UUID, uuid5

PersonId = NewType("PersonId", UUID)
ProgrammeId = NewType("ProgrammeId", UUID)
EnrolmentId = NewType("EnrolmentId", UUID)
ImportId = NewType("ImportId", UUID)
SiteCode = NewType("SiteCode", str)

_SITES = UUID("5c3f2b0e-6d0c-4a57-9a51-3f3f6a1d9c11")


def site_id(code: SiteCode) -> UUID:
    """Return the id of the site with this code; a code never changes its site."""
    return uuid5(_SITES, code)


class GradeBand(StrEnum):
    EMPLOYEE = "employee"
    PROFESSIONAL = "professional"
    MANAGER = "manager"
    EXECUTIVE = "executive"


class CareerStage(StrEnum):
    """Declared by the HRIS; it is not an age."""

    EARLY = "early"
    MID = "mid"
    SENIOR = "senior"


class Role(StrEnum):
    MENTOR = "mentor"
    MENTEE = "mentee"


class TrainingPart(StrEnum):
    CONTENT = "content"
    POSTURE = "posture"


class ChecklistItem(StrEnum):
    PEOPLE_IMPORTED = "people_imported"
    WORKS_COUNCIL_CONSULTED = "works_council_consulted"
    NOTICE_PUBLISHED = "notice_published"
    SUPPORT_NAMED = "support_named"


@dataclass(frozen=True, slots=True)
class Topic:
    """Offered (how well known) or wanted (how much), from 1 to 3."""

    code: str
    level: int


@dataclass(frozen=True, slots=True)
class Availability:
    """A weekly time, in the site's own time; weekday 1 is Monday, minutes count from midnight."""

    weekday: int
    from_minute: int
    to_minute: int
