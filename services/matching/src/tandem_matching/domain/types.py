"""The words of matching's domain."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType
from uuid import UUID

PersonId = NewType("PersonId", UUID)
ProgrammeId = NewType("ProgrammeId", UUID)
EnrolmentId = NewType("EnrolmentId", UUID)
RunId = NewType("RunId", UUID)
ProposalId = NewType("ProposalId", UUID)
PairId = NewType("PairId", UUID)
SiteCode = NewType("SiteCode", str)


class Role(StrEnum):
    MENTOR = "mentor"
    MENTEE = "mentee"


class DeclineReason(StrEnum):
    NO_TIME = "no_time"
    TOPICS_DO_NOT_FIT = "topics_do_not_fit"
    TOO_CLOSE = "too_close"
    OTHER = "other"


class WithdrawalReason(StrEnum):
    EXPIRED = "expired"
    NOT_ELIGIBLE = "not_eligible"
    CAPACITY_REACHED = "capacity_reached"
    LEFT = "left"


class DissolutionReason(StrEnum):
    NOT_A_FIT = "not_a_fit"
    NO_TIME = "no_time"
    LEFT = "left"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Topic:
    """Offered (how well known) or wanted (how much), from 1 to 3."""

    code: str
    level: int
