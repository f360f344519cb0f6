from dataclasses import dataclass
from datetime import datetime

from tandem_kit.domain import Clock, Receipt
from tandem_sessions.application.booking import book_everybody
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.types import PersonId, SessionFormat, SessionId


@dataclass(frozen=True, slots=True)
class RescheduleSession:
    """Move a session to another time; `by` is None for staff."""

    session_id: SessionId
    by: PersonId | None
    starts_at: datetime
    minutes: int


async def reschedule_session(command: RescheduleSession, work: Work, clock: Clock) -> Receipt:
    session = await work.sessions.get(command.session_id)
    curriculum = await work.curricula.consult(session.programme_id)
    group = session.format is SessionFormat.COLLECTIVE and curriculum.collective
    curriculum.check_length(command.minutes, group or curriculum.one_to_one)
    session.reschedule(command.by, command.starts_at, command.minutes, clock.now())
    await book_everybody(session, work)
    return work.receipt_for(session)
