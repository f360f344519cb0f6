from dataclasses import dataclass
from uuid import UUID

from tandem_kit.domain import Clock, refuse_unless
from tandem_sessions.application.booking import agendas_of
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.rules import person_unknown
from tandem_sessions.domain.types import PersonId, SessionId


@dataclass(frozen=True, slots=True)
class RegisterForSession:
    """Ask for a seat in a collective session."""

    session_id: SessionId
    by: PersonId


@dataclass(frozen=True, slots=True)
class Registered:
    id: UUID
    version: int
    waitlist_place: int
    """From 1; 0 with a seat."""


async def register_for_session(command: RegisterForSession, work: Work, clock: Clock) -> Registered:
    session = await work.sessions.get(command.session_id)
    # After the session's lock, which a leaver's reaction takes too: it is over, or will see this registration.
    refuse_unless(await work.employees.exists(id=command.by, active=True), person_unknown)
    place = session.register(command.by, clock.now())
    if place == 0:
        most = (await work.curricula.consult(session.programme_id)).one_to_one.sessions_per_person_max
        agenda = (await agendas_of([command.by], work))[command.by]
        agenda.book(session.engagement_of(command.by), most)
    return Registered(session.id, session.version, place)
