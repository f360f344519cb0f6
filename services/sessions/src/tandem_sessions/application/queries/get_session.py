from dataclasses import dataclass

from tandem_kit.domain import Clock, NotFound
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.mentoring_session import MentoringSession
from tandem_sessions.domain.types import PersonId, SessionId


@dataclass(frozen=True, slots=True)
class GetSession:
    """One session with its registrations; `by` is None for staff, else somebody of it."""

    session_id: SessionId
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class FoundSession:
    session: MentoringSession


async def get_session(query: GetSession, work: Work, clock: Clock) -> FoundSession:
    session = await work.sessions.get(query.session_id)
    if query.by is not None and query.by not in {*session.people, *session.waitlist}:
        raise NotFound("MentoringSession", query.session_id)
    return FoundSession(session)
