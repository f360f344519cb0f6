"""Feedback's transaction."""

from typing import Any

from tandem_feedback.adapters.reports import SqlReports
from tandem_feedback.domain.questionnaire import (
    EndedProgramme,
    HeldSession,
    Invitation,
    Participation,
    Questionnaire,
    Response,
    SpentToken,
)
from tandem_kit.work import Work


class FeedbackWork(Work):
    token_key: bytes

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.questionnaires = self.repository(Questionnaire, "questionnaires")
        self.invitations = self.repository(Invitation, "invitations")
        self.responses = self.repository(Response, "responses")
        self.spent_tokens = self.repository(SpentToken, "spent_tokens")
        self.participations = self.repository(Participation, "participations")
        self.held_sessions = self.repository(HeldSession, "held_sessions")
        self.ended_programmes = self.repository(EndedProgramme, "ended_programmes")

    @property
    def reports(self) -> SqlReports:
        return SqlReports(self.store.connection)  # type: ignore[attr-defined]


def work_with(key: bytes) -> type[FeedbackWork]:
    """Return the transaction of a service whose tokens are made with this key."""
    return type("FeedbackWork", (FeedbackWork,), {"token_key": key})
