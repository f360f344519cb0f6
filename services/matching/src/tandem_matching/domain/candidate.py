"""Copies of enrolment's facts: who takes part, and who reports to whom."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tandem_matching.domain.types import PersonId, ProgrammeId, Role, SiteCode, Topic


@dataclass(kw_only=True)
class Candidate:
    """An enrolment, as its events tell it; its id is the enrolment's."""

    id: UUID
    programme_id: ProgrammeId
    person_id: PersonId
    role: Role
    workplace: SiteCode
    topics: list[Topic]
    capacity: int
    languages: list[str]
    enrolled_at: datetime
    ready: bool = False
    """A certified mentor, a briefed mentee."""
    withdrawn: bool = False


@dataclass(kw_only=True)
class Position:
    """A person's managers; its id is the person's."""

    id: UUID
    managers: list[UUID] = field(default_factory=list)
    active: bool = True
