"""The words of sessions' domain."""

from enum import StrEnum
from typing import NewType
from uuid import UUID, uuid5

PersonId = NewType("PersonId", UUID)
ProgrammeId = NewType("ProgrammeId", UUID)
PairId = NewType("PairId", UUID)
SessionId = NewType("SessionId", UUID)
SiteCode = NewType("SiteCode", str)

_SITES = UUID("0f9b1a53-54a5-4a0b-8f36-0f3f1f3d7b55")


def site_id(code: SiteCode) -> UUID:
    """Return the id under which sessions keeps what it knows of a site."""
    return uuid5(_SITES, code)


class SessionFormat(StrEnum):
    ONE_TO_ONE = "one_to_one"
    COLLECTIVE = "collective"


class SessionState(StrEnum):
    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"
    HELD = "held"


class AttendanceStatus(StrEnum):
    PRESENT = "present"
    PARTIAL = "partial"
    EXCUSED = "excused"
    NO_SHOW = "no_show"


CAME = frozenset({AttendanceStatus.PRESENT, AttendanceStatus.PARTIAL})


class CancellationReason(StrEnum):
    MENTOR_UNAVAILABLE = "mentor_unavailable"
    MENTEE_UNAVAILABLE = "mentee_unavailable"
    PAIR_DISSOLVED = "pair_dissolved"
    OTHER = "other"
