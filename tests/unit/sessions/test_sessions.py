from datetime import timedelta

import pytest

from tandem_kit.domain import RuleBroken
from tandem_sessions.application.commands.cancel_registration import CancelRegistration
from tandem_sessions.application.commands.cancel_session import CancelSession
from tandem_sessions.application.commands.record_attendance import RecordAttendance
from tandem_sessions.application.commands.register_for_session import RegisterForSession
from tandem_sessions.application.commands.release_mentor import ReleaseMentor
from tandem_sessions.application.commands.release_participant import ReleaseParticipant
from tandem_sessions.application.commands.reschedule_session import RescheduleSession
from tandem_sessions.domain.mentoring_session import Attendance, MentoringSession
from tandem_sessions.domain.programme import OneToOneRules, ProgrammeDates
from tandem_sessions.domain.types import AttendanceStatus, CancellationReason, PersonId, SessionId, SiteCode
from tests.unit.sessions.builders import (
    OPENED,
    PROGRAMME,
    Sessions,
    a_charter,
    a_group,
    a_meeting,
    a_mentor,
    a_person,
    a_running_programme,
    an_open_group,
    some_employees,
)

DAY = timedelta(days=1)


@pytest.mark.parametrize(("minutes", "accepted"), [(89, False), (90, True), (120, True), (121, False)])
async def test_a_one_to_one_session_lasts_90_to_120_minutes(
    sessions: Sessions, minutes: int, *, accepted: bool
) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    meeting = a_meeting(charter, sessions.clock.now() + DAY, minutes=minutes)
    if accepted:
        await sessions.does(meeting)
    else:
        with pytest.raises(RuleBroken, match="session_length"):
            await sessions.does(meeting)


async def test_a_session_is_on_a_module_of_the_curriculum_and_in_the_future(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    with pytest.raises(RuleBroken, match="unknown_module"):
        await sessions.does(a_meeting(charter, sessions.clock.now() + DAY, module="cooking"))
    with pytest.raises(RuleBroken, match="in_the_past"):
        await sessions.does(a_meeting(charter, sessions.clock.now() - DAY))


async def test_nobody_has_two_sessions_at_once(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    at = sessions.clock.now() + DAY
    await sessions.does(a_meeting(charter, at))
    with pytest.raises(RuleBroken, match="double_booking"):
        await sessions.does(a_meeting(charter, at + timedelta(minutes=89)))
    await sessions.does(a_meeting(charter, at + timedelta(minutes=90)))


async def test_a_person_follows_at_most_ten_sessions(sessions: Sessions) -> None:
    await a_running_programme(sessions, one_to_one=OneToOneRules(90, 120, 2, 1, 3))
    charter = a_charter()
    await sessions.has(charter)
    at = sessions.clock.now() + DAY
    first = await sessions.does(a_meeting(charter, at))
    await sessions.does(a_meeting(charter, at + DAY))
    with pytest.raises(RuleBroken, match="too_many_sessions"):
        await sessions.does(a_meeting(charter, at + 2 * DAY))
    cancel = CancelSession(SessionId(first.id), by=charter.mentee_id, reason=CancellationReason.MENTEE_UNAVAILABLE)
    await sessions.does(cancel)
    await sessions.does(a_meeting(charter, at + 2 * DAY))


async def test_a_session_can_be_moved_within_everybodys_agenda(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    at = sessions.clock.now() + DAY
    first = await sessions.does(a_meeting(charter, at))
    await sessions.does(a_meeting(charter, at + DAY))
    move = RescheduleSession(SessionId(first.id), by=charter.mentor_id, starts_at=at + timedelta(hours=1), minutes=90)
    await sessions.does(move)
    clash = RescheduleSession(SessionId(first.id), by=charter.mentor_id, starts_at=at + DAY, minutes=90)
    with pytest.raises(RuleBroken, match="double_booking"):
        await sessions.does(clash)


async def test_collective_sessions_begin_in_the_third_month(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    sessions.clock.advance(-timedelta(days=60))
    mentor = a_person()
    await sessions.has(a_mentor(mentor))
    with pytest.raises(RuleBroken, match="too_early_for_collective"):
        await sessions.does(a_group(OPENED + timedelta(days=58), [mentor]))
    await sessions.does(a_group(OPENED + timedelta(days=60), [mentor]))


@pytest.mark.parametrize(("day", "month"), [(0, 1), (30, 1), (31, 2), (58, 2), (59, 3), (90, 4)])
def test_months_of_a_programme_are_counted_from_its_opening(day: int, month: int) -> None:
    dates = ProgrammeDates(id=PROGRAMME, opened_at=OPENED)
    assert dates.month_of(OPENED + timedelta(days=day)) == month


async def test_a_collective_session_is_held_at_an_open_site(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    mentor = a_person()
    await sessions.has(a_mentor(mentor))
    with pytest.raises(RuleBroken, match="site_not_open"):
        await sessions.does(a_group(sessions.clock.now() + DAY, [mentor], site=SiteCode("nantes")))


@pytest.mark.parametrize("count", [0, 4])
async def test_a_collective_session_has_one_to_three_mentors(sessions: Sessions, count: int) -> None:
    await a_running_programme(sessions)
    mentors = [a_person() for _ in range(count)]
    await sessions.has(*(a_mentor(mentor) for mentor in mentors))
    with pytest.raises(RuleBroken, match="number_of_mentors"):
        await sessions.does(a_group(sessions.clock.now() + DAY, mentors))


async def test_every_mentor_of_a_collective_session_is_certified(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    certified, in_training, gone = a_person(), a_person(), a_person()
    await sessions.has(a_mentor(certified), a_mentor(in_training, certified=False), a_mentor(gone, withdrawn=True))
    for other in (in_training, gone, a_person()):
        with pytest.raises(RuleBroken, match="mentor_not_certified"):
            await sessions.does(a_group(sessions.clock.now() + DAY, [certified, other]))


async def test_a_collective_session_has_at_most_fifteen_seats(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    mentor = a_person()
    await sessions.has(a_mentor(mentor))
    with pytest.raises(RuleBroken, match="too_many_seats"):
        await sessions.does(a_group(sessions.clock.now() + DAY, [mentor], seats=16))


async def test_the_sixteenth_waits_and_a_cancellation_promotes_the_first_who_waits(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    group = await an_open_group(sessions, sessions.clock.now() + DAY)
    people = await some_employees(sessions, 17)
    places = [(await sessions.does(RegisterForSession(group, by=person))).waitlist_place for person in people]
    assert places == [0] * 15 + [1, 2]
    sessions.facts()
    await sessions.does(CancelRegistration(group, by=people[3]))
    told = sessions.facts()
    assert [type(fact).__name__ for fact in told] == ["RegistrationCancelled", "RegistrationPromoted"]
    assert told[1].person_id == str(people[15])  # type: ignore[attr-defined]


async def test_who_cannot_come_any_more_is_passed_over_on_the_waitlist(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    at = sessions.clock.now() + DAY
    group = await an_open_group(sessions, at, seats=1)
    other = await an_open_group(sessions, at, module="data")
    seated, busy, free = await some_employees(sessions, 3)
    for person in (seated, busy, free):
        await sessions.does(RegisterForSession(group, by=person))
    await sessions.does(RegisterForSession(other, by=busy))
    sessions.facts()
    await sessions.does(CancelRegistration(group, by=seated))
    promoted = sessions.facts()[1]
    assert promoted.person_id == str(free)  # type: ignore[attr-defined]


async def test_nobody_takes_two_seats_at_the_same_hour(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    at = sessions.clock.now() + DAY
    first, second = await an_open_group(sessions, at), await an_open_group(sessions, at)
    (person,) = await some_employees(sessions, 1)
    await sessions.does(RegisterForSession(first, by=person))
    with pytest.raises(RuleBroken, match="double_booking"):
        await sessions.does(RegisterForSession(second, by=person))
    with pytest.raises(RuleBroken, match="already_registered"):
        await sessions.does(RegisterForSession(first, by=person))


async def test_only_people_of_the_company_register(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    group = await an_open_group(sessions, sessions.clock.now() + DAY)
    with pytest.raises(RuleBroken, match="person_unknown"):
        await sessions.does(RegisterForSession(group, by=a_person()))


async def test_attendance_is_told_of_everybody_by_a_mentor_once_the_session_has_begun(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    at = sessions.clock.now() + DAY
    session = SessionId((await sessions.does(a_meeting(charter, at))).id)
    came = (Attendance(charter.mentee_id, AttendanceStatus.PRESENT),)
    with pytest.raises(RuleBroken, match="not_begun"):
        await sessions.does(RecordAttendance(session, by=charter.mentor_id, attendance=came))
    sessions.clock.advance(2 * DAY)
    with pytest.raises(RuleBroken, match="only_its_mentors"):
        await sessions.does(RecordAttendance(session, by=charter.mentee_id, attendance=came))
    with pytest.raises(RuleBroken, match="attendance_of_all"):
        await sessions.does(RecordAttendance(session, by=charter.mentor_id, attendance=(*came, *came)))
    await sessions.does(RecordAttendance(session, by=charter.mentor_id, attendance=came))
    assert sessions.told() == ["SessionScheduled", "SessionHeld"]


async def test_a_session_that_somebody_missed_does_not_count_for_them(sessions: Sessions) -> None:
    await a_running_programme(sessions, one_to_one=OneToOneRules(90, 120, 1, 1, 3))
    charter = a_charter()
    await sessions.has(charter)
    session = SessionId((await sessions.does(a_meeting(charter, sessions.clock.now() + DAY))).id)
    sessions.clock.advance(2 * DAY)
    missed = (Attendance(charter.mentee_id, AttendanceStatus.EXCUSED),)
    await sessions.does(RecordAttendance(session, by=charter.mentor_id, attendance=missed))
    await sessions.does(a_meeting(charter, sessions.clock.now() + DAY))


async def test_a_group_goes_on_while_it_has_a_mentor(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    mentors = [a_mentor(a_person()), a_mentor(a_person())]
    await sessions.has(*mentors)
    group = await sessions.does(a_group(sessions.clock.now() + DAY, [PersonId(m.person_id) for m in mentors]))
    sessions.facts()
    await sessions.does(ReleaseMentor(mentors[0].id))
    assert sessions.told() == []
    assert (await sessions.sees(MentoringSession, group.id)).mentor_ids == [mentors[1].person_id]
    await sessions.does(ReleaseMentor(mentors[1].id))
    assert sessions.told() == ["SessionCancelled"]


async def test_a_leavers_seat_goes_to_the_first_who_waits(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    group = await an_open_group(sessions, sessions.clock.now() + DAY, seats=1)
    leaver, waiting = await some_employees(sessions, 2)
    for person in (leaver, waiting):
        await sessions.does(RegisterForSession(group, by=person))
    sessions.facts()
    await sessions.does(ReleaseParticipant(leaver))
    assert sessions.told() == ["RegistrationCancelled", "RegistrationPromoted"]


async def test_only_people_of_a_session_call_it_off(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    group = await an_open_group(sessions, sessions.clock.now() + DAY)
    (person,) = await some_employees(sessions, 1)
    await sessions.does(RegisterForSession(group, by=person))
    with pytest.raises(RuleBroken, match="not_your_session"):
        await sessions.does(CancelSession(group, by=person, reason=CancellationReason.OTHER))
    await sessions.does(CancelSession(group, by=None, reason=CancellationReason.OTHER))
