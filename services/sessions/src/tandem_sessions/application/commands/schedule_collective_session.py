from dataclasses import dataclass
from datetime import datetime

from tandem_kit.domain import Clock, Receipt, refuse_unless
from tandem_sessions.application.booking import book_everybody
from tandem_sessions.application.ports import Work
from tandem_sessions.domain import rules
from tandem_sessions.domain.mentoring_session import MentoringSession
from tandem_sessions.domain.types import PersonId, ProgrammeId, SiteCode, site_id


@dataclass(frozen=True, slots=True)
class ScheduleCollectiveSession:
    """Open a collective session at a site."""

    programme_id: ProgrammeId
    site: SiteCode
    module: str
    starts_at: datetime
    minutes: int
    mentor_ids: tuple[PersonId, ...]
    seats: int


async def schedule_collective_session(command: ScheduleCollectiveSession, work: Work, clock: Clock) -> Receipt:
    curriculum = await work.curricula.consult(command.programme_id)
    curriculum.check_module(command.module)
    limits = curriculum.check_collective(len(set(command.mentor_ids)), command.seats, command.minutes)
    dates = await work.dates.find(command.programme_id)
    refuse_unless(dates is not None and not dates.ended, rules.programme_not_running)
    month = dates.month_of(command.starts_at) if dates else 0
    refuse_unless(month >= limits.from_month, rules.too_early_for_collective, month=limits.from_month)
    refuse_unless(await work.open_sites.exists(id=site_id(command.site)), rules.site_not_open)
    await _check_mentors(command, work)
    session = MentoringSession.of_group(
        command.programme_id,
        command.site,
        command.module,
        command.starts_at,
        command.minutes,
        sorted(set(command.mentor_ids)),
        command.seats,
        clock.now(),
    )
    await book_everybody(work.sessions.add(session), work)
    return work.receipt_for(session)


async def _check_mentors(command: ScheduleCollectiveSession, work: Work) -> None:
    certified = await work.mentors.where(
        programme_id=command.programme_id, person_id=list(command.mentor_ids), certified=True, withdrawn=False
    )
    missing = set(command.mentor_ids) - {mentor.person_id for mentor in certified}
    refuse_unless(not missing, rules.mentor_not_certified)
