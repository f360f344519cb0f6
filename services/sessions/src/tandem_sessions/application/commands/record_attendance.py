from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_sessions.application.booking import free
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.mentoring_session import Attendance
from tandem_sessions.domain.types import PersonId, SessionId


@dataclass(frozen=True, slots=True)
class RecordAttendance:
    """Say who came; `by` is None for staff."""

    session_id: SessionId
    by: PersonId | None
    attendance: tuple[Attendance, ...]


async def record_attendance(command: RecordAttendance, work: Work, clock: Clock) -> Receipt:
    session = await work.sessions.get(command.session_id)
    session.hold(command.by, command.attendance, clock.now())
    await free(session.absent, session, work)
    return work.receipt_for(session)
