from dataclasses import dataclass
from uuid import UUID

from tandem_kit.domain import Clock
from tandem_sessions.application.booking import free
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.types import PersonId, SessionFormat, SessionState


@dataclass(frozen=True, slots=True)
class ReleaseMentor:
    """A mentor left the programme: the collective sessions go on without them, or not at all."""

    enrolment_id: UUID


async def release_mentor(command: ReleaseMentor, work: Work, clock: Clock) -> None:
    mentor = await work.mentors.find(command.enrolment_id)
    if mentor is None:
        # A mentee left: matching ends the pair.
        return
    person = PersonId(mentor.person_id)
    sessions = await work.sessions.where(
        programme_id=mentor.programme_id, format=SessionFormat.COLLECTIVE, state=SessionState.SCHEDULED
    )
    for session in sessions:
        if person in session.mentor_ids and session.starts_at > clock.now():
            session.lose_mentor(person)
            gone = session.people if session.state is SessionState.CANCELLED else []
            await free([person, *gone], session, work)
