from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_sessions.application.booking import free
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.types import CancellationReason, PersonId, SessionId


@dataclass(frozen=True, slots=True)
class CancelSession:
    """Call a session off; `by` is None for staff."""

    session_id: SessionId
    by: PersonId | None
    reason: CancellationReason


async def cancel_session(command: CancelSession, work: Work, clock: Clock) -> Receipt:
    session = await work.sessions.get(command.session_id)
    session.cancel(command.by, command.reason, clock.now())
    await free(session.people, session, work)
    return work.receipt_for(session)
