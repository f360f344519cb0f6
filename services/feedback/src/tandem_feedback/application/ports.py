"""What feedback's use cases need of the world."""

from typing import Protocol

from tandem_feedback.application.report import Report
from tandem_feedback.domain.questionnaire import (
    EndedProgramme,
    HeldSession,
    Invitation,
    Participation,
    Question,
    Questionnaire,
    Response,
    SpentToken,
)
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.application import Reach, Repository, Timers
from tandem_kit.domain import Aggregate, Receipt


class Facts(Protocol):
    """Copies of neighbours' facts: all that a projection may touch."""

    participations: Repository[Participation]
    held_sessions: Repository[HeldSession]
    ended_programmes: Repository[EndedProgramme]


class Reports(Protocol):
    async def of(self, programme: ProgrammeId) -> Report:
        """Return what the programme reached; small groups are held back where the data lives."""


class Work(Facts, Protocol):
    """One transaction over feedback's database."""

    questionnaires: Repository[Questionnaire]
    invitations: Repository[Invitation]
    responses: Repository[Response]
    spent_tokens: Repository[SpentToken]
    reports: Reports
    token_key: bytes
    scope: Reach
    timers: Timers

    def receipt_for(self, aggregate: Aggregate) -> Receipt: ...


class Enrolment(Protocol):
    """The neighbour that knows programmes."""

    async def end_questionnaire(self, programme: ProgrammeId) -> tuple[Question, ...]: ...
