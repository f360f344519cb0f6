"""The shape of a report."""

from dataclasses import dataclass

from tandem_feedback.domain.questionnaire import Text
from tandem_feedback.domain.types import SiteCode


@dataclass(frozen=True, slots=True)
class Reach:
    """Counts of people and sessions; `answers` is None for a site whose group is too small."""

    people: int
    mentors: int
    one_to_one_sessions: int
    collective_sessions: int
    questionnaires_sent: int
    answers: int | None


@dataclass(frozen=True, slots=True)
class IndicatorResult:
    """How many answered a question, and how many of them agreed; both None where the group is too small."""

    question: str
    text: Text
    answers: int | None
    agreed: int | None


@dataclass(frozen=True, slots=True)
class SiteReport:
    site: SiteCode
    reach: Reach
    indicators: tuple[IndicatorResult, ...]


@dataclass(frozen=True, slots=True)
class Verbatim:
    question: str
    comment: str


@dataclass(frozen=True, slots=True)
class Report:
    reach: Reach
    indicators: tuple[IndicatorResult, ...]
    sites: tuple[SiteReport, ...]
    verbatims: tuple[Verbatim, ...]
