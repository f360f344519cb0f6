"""A running programme with its people, sites and pairs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tandem_kit.testing.house import House
from tandem_sessions.adapters.work import SessionsWork
from tandem_sessions.application.commands.schedule_collective_session import ScheduleCollectiveSession
from tandem_sessions.application.commands.schedule_session import ScheduleSession
from tandem_sessions.domain.charter import Charter
from tandem_sessions.domain.programme import (
    CollectiveRules,
    Curriculum,
    Employee,
    Mentor,
    Module,
    OneToOneRules,
    OpenSite,
    ProgrammeDates,
    Text,
)
from tandem_sessions.domain.types import PairId, PersonId, ProgrammeId, SessionId, SiteCode, site_id

LYON = SiteCode("lyon")
PROGRAMME = ProgrammeId(uuid4())
OPENED = datetime(2026, 1, 5, 9, tzinfo=UTC)

Sessions = House[SessionsWork]


def a_curriculum(**more: Any) -> Curriculum:
    given: dict[str, Any] = {
        "id": PROGRAMME,
        "modules": [Module("networks", Text("Networks", "Réseaux"), ()), Module("data", Text("Data", "Données"), ())],
        "one_to_one": OneToOneRules(90, 120, 10, 1, 3),
        "collective": CollectiveRules(1, 3, 15, 90, 120, 3),
    }
    return Curriculum(**(given | more))


def a_person() -> PersonId:
    return PersonId(uuid4())


def a_mentor(person: PersonId, *, certified: bool = True, withdrawn: bool = False) -> Mentor:
    return Mentor(id=uuid4(), programme_id=PROGRAMME, person_id=person, certified=certified, withdrawn=withdrawn)


def a_charter(*, signed: bool = True) -> Charter:
    mentor, mentee = a_person(), a_person()
    return Charter(
        id=PairId(uuid4()),
        programme_id=PROGRAMME,
        site=LYON,
        mentor_id=mentor,
        mentee_id=mentee,
        objectives=["Publish once a week"] if signed else [],
        signed_by=[mentor, mentee] if signed else [],
    )


async def a_running_programme(sessions: Sessions, **curriculum: Any) -> None:
    """The clock stands in its fourth month, and Lyon is open."""
    dates = ProgrammeDates(id=PROGRAMME, opened_at=OPENED)
    await sessions.has(a_curriculum(**curriculum), dates, OpenSite(id=site_id(LYON), code=LYON))
    sessions.clock.advance(timedelta(days=95))


async def some_employees(sessions: Sessions, count: int) -> list[PersonId]:
    people = [a_person() for _ in range(count)]
    await sessions.has(*(Employee(id=person) for person in people))
    return people


def a_meeting(charter: Charter, at: datetime, **more: Any) -> ScheduleSession:
    given: dict[str, Any] = {
        "pair_id": PairId(charter.id),
        "by": charter.mentee_id,
        "module": "networks",
        "starts_at": at,
        "minutes": 90,
    }
    return ScheduleSession(**(given | more))


def a_group(at: datetime, mentors: list[PersonId], **more: Any) -> ScheduleCollectiveSession:
    given: dict[str, Any] = {
        "programme_id": PROGRAMME,
        "site": LYON,
        "module": "networks",
        "starts_at": at,
        "minutes": 120,
        "mentor_ids": tuple(mentors),
        "seats": 15,
    }
    return ScheduleCollectiveSession(**(given | more))


async def an_open_group(sessions: Sessions, at: datetime, **more: Any) -> SessionId:
    mentor = a_person()
    await sessions.has(a_mentor(mentor))
    receipt = await sessions.does(a_group(at, [mentor], **more))
    sessions.facts()
    return SessionId(receipt.id)
