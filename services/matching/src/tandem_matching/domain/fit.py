"""How well two people fit, what keeps them apart, and how that is explained."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tandem_matching.domain.candidate import Candidate
from tandem_matching.domain.rules import Managers, in_same_reporting_line
from tandem_matching.domain.types import PersonId


@dataclass(frozen=True, slots=True)
class MatchingRules:
    """The programme's, from its blueprint."""

    forbid_reporting_line: bool
    shared_language: bool
    same_site: bool
    answer_days: int


@dataclass(frozen=True, slots=True)
class TopicFit:
    code: str
    offered: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why these two."""

    fit: int
    topics: tuple[TopicFit, ...]
    languages: tuple[str, ...]
    same_site: bool
    possible_mentors: int
    best_fit: int


class Obstacle(StrEnum):
    """Why a mentor could not be proposed to a mentee; the first that applies, in this order."""

    SAME_PERSON = "same_person"
    IN_REPORTING_LINE = "in_reporting_line"
    NO_SHARED_LANGUAGE = "no_shared_language"
    OTHER_SITE = "other_site"
    ALREADY_DECLINED = "already_declined"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A mentee for whom nobody was found: how many mentors each obstacle kept away."""

    mentee_id: PersonId
    same_person: int
    in_reporting_line: int
    no_shared_language: int
    other_site: int
    already_declined: int
    full: int


@dataclass(frozen=True, slots=True)
class Pool:
    """Everything that a run takes into account.

    Both lists are in the order of enrolment, mentees who lost a mentor or a proposal first: where several solutions
    are equally good, whoever stands earlier is served.
    """

    mentors: Sequence[Candidate]
    mentees: Sequence[Candidate]
    free: Mapping[UUID, int]
    """How many more mentees each mentor (by enrolment) can take."""
    declined: Collection[tuple[PersonId, PersonId]]
    """Mentor and mentee of whom one declined the other before."""
    managers: Managers
    rules: MatchingRules


def topic_fits(mentor: Candidate, mentee: Candidate) -> tuple[TopicFit, ...]:
    """Return what the mentee wants and the mentor offers."""
    offered = {topic.code: topic.level for topic in mentor.topics}
    return tuple(TopicFit(t.code, offered[t.code], t.level) for t in mentee.topics if t.code in offered)


def fit(mentor: Candidate, mentee: Candidate) -> int:
    """Sum over the shared topics of offered level times wanted level; at least 0."""
    return sum(topic.offered * topic.wanted for topic in topic_fits(mentor, mentee))


def obstacle(mentor: Candidate, mentee: Candidate, pool: Pool) -> Obstacle | None:
    """Return what forbids this pair, where something does."""
    if mentor.person_id == mentee.person_id:
        return Obstacle.SAME_PERSON
    if pool.rules.forbid_reporting_line and in_same_reporting_line(mentor.person_id, mentee.person_id, pool.managers):
        return Obstacle.IN_REPORTING_LINE
    if pool.rules.shared_language and not set(mentor.languages) & set(mentee.languages):
        return Obstacle.NO_SHARED_LANGUAGE
    if pool.rules.same_site and mentor.workplace != mentee.workplace:
        return Obstacle.OTHER_SITE
    if (mentor.person_id, mentee.person_id) in pool.declined:
        return Obstacle.ALREADY_DECLINED
    return None
