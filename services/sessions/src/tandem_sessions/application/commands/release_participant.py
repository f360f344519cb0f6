from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_sessions.application.booking import agendas_of, fill_free_seats
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.types import PersonId, SessionFormat, SessionState


@dataclass(frozen=True, slots=True)
class ReleaseParticipant:
    """A person left the company: their seats go to those who wait."""

    person_id: PersonId


async def release_participant(command: ReleaseParticipant, work: Work, clock: Clock) -> None:
    sessions = await work.sessions.where(format=SessionFormat.COLLECTIVE, state=SessionState.SCHEDULED)
    for session in sessions:
        seated = command.person_id in session.participant_ids
        if (seated or command.person_id in session.waitlist) and clock.now() < session.starts_at:
            session.unregister(command.person_id, clock.now())
            (await agendas_of([command.person_id], work))[command.person_id].free(session.id)
            if seated:
                await fill_free_seats(session, work)
