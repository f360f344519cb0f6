from dataclasses import dataclass, replace

from tandem_kit.domain import Clock
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.mentoring_session import MentoringSession
from tandem_sessions.domain.types import ProgrammeId, SessionFormat, SessionState, SiteCode


@dataclass(frozen=True, slots=True)
class ListOpenSessions:
    """Collective sessions to come at a site, soonest first. Who is registered is not told."""

    programme_id: ProgrammeId
    site: SiteCode


@dataclass(frozen=True, slots=True)
class OpenSessions:
    sessions: tuple[MentoringSession, ...]


async def list_open_sessions(query: ListOpenSessions, work: Work, clock: Clock) -> OpenSessions:
    sessions = await work.sessions.where(
        programme_id=query.programme_id,
        site=query.site,
        format=SessionFormat.COLLECTIVE,
        state=SessionState.SCHEDULED,
    )
    to_come = sorted((s for s in sessions if s.starts_at > clock.now()), key=lambda s: (s.starts_at, s.id))
    return OpenSessions(tuple(replace(session, participant_ids=[], waitlist=[]) for session in to_come))
