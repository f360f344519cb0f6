from dataclasses import dataclass
from datetime import datetime

from tandem_kit.domain import Clock, Receipt
from tandem_sessions.application.booking import book_everybody
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.mentoring_session import MentoringSession
from tandem_sessions.domain.types import PairId, PersonId


@dataclass(frozen=True, slots=True)
class ScheduleSession:
    """One of the pair books their next session."""

    pair_id: PairId
    by: PersonId
    module: str
    starts_at: datetime
    minutes: int


async def schedule_session(command: ScheduleSession, work: Work, clock: Clock) -> Receipt:
    charter = await work.charters.get(command.pair_id)
    charter.check_session(command.by)
    curriculum = await work.curricula.consult(charter.programme_id)
    curriculum.check_module(command.module)
    curriculum.check_length(command.minutes, curriculum.one_to_one)
    session = MentoringSession.of_pair(charter, command.module, command.starts_at, command.minutes, clock.now())
    await book_everybody(work.sessions.add(session), work)
    return work.receipt_for(session)
