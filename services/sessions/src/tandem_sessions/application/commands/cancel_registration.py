from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_sessions.application.booking import agendas_of, fill_free_seats
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.types import PersonId, SessionId


@dataclass(frozen=True, slots=True)
class CancelRegistration:
    """Give up the seat, or the place on the waitlist; a free seat goes to the first who waits and can come."""

    session_id: SessionId
    by: PersonId


async def cancel_registration(command: CancelRegistration, work: Work, clock: Clock) -> Receipt:
    session = await work.sessions.get(command.session_id)
    session.unregister(command.by, clock.now())
    (await agendas_of([command.by], work))[command.by].free(session.id)
    await fill_free_seats(session, work)
    return work.receipt_for(session)
