"""Act three: one-to-one sessions month by month, and from the third month collective ones."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import grpc

from tandem.matching.v1 import service_pb2 as matching
from tandem.sessions.v1 import service_pb2 as pb
from tandem.sessions.v1 import types_pb2 as types
from tandem_cli.demo.cast import Actor
from tandem_cli.demo.stage import Stage, timestamp
from tandem_kit.policy import Role

_CANCELS = 0.05
_REBOOKS = 0.7
_ABSENT = 0.04
_GIVES_UP_SEAT = 0.06
_SEATS = 15
_ASKED = 17


@dataclass(frozen=True)
class Booked:
    id: str
    mentors: list[str]
    participants: list[str]


async def hold_pairs(stage: Stage, month: int, pairs: Sequence[matching.Pair], first_day: datetime) -> list[Booked]:
    """Book each pair's session on the month's theme; some are called off, most of these booked anew."""
    module = stage.modules[month - 1]
    known = stage.cast.everybody()
    place: Counter[str] = Counter()
    moments = {}
    for pair in pairs:
        # A mentor's pairs meet on different days.
        moments[pair.id] = first_day + timedelta(days=place[pair.mentor_id], hours=6)
        place[pair.mentor_id] += 1

    async def book(pair: matching.Pair) -> Booked | None:
        return await _book(stage, pair, module, moments[pair.id], known[pair.mentee_id])

    booked = await stage.together(stage.words.of("booking", month=month), book, pairs)
    return [session for session in booked if session is not None]


async def _book(stage: Stage, pair: matching.Pair, module: str, moment: datetime, mentee: Actor) -> Booked | None:
    service, chance = stage.client.sessions, stage.chance
    who = stage.client.person(pair.mentee_id)

    async def schedule(at: datetime) -> str:
        request = pb.ScheduleSessionRequest(pair_id=pair.id, module=module, starts_at=timestamp(at), minutes=90)
        return (await service.ScheduleSession(request, metadata=who)).id

    session = await schedule(moment)
    if chance.happens(_CANCELS, "cancels", mentee.reference, module):
        await service.CancelSession(
            pb.CancelSessionRequest(session_id=session, reason=types.CANCELLATION_REASON_MENTEE_UNAVAILABLE),
            metadata=who,
        )
        stage.record.cancelled_sessions += 1
        if not chance.happens(_REBOOKS, "rebooks", mentee.reference, module):
            return None
        session = await schedule(moment + timedelta(days=7))
    return Booked(session, [pair.mentor_id], [pair.mentee_id])


async def record_attendance(stage: Stage, month: int, booked: Sequence[Booked]) -> list[str]:
    """A mentor of each session says who came; return everybody who came."""
    known = stage.cast.everybody()
    came: list[str] = []

    async def record(session: Booked) -> None:
        lines = []
        for person in session.participants:
            absent = stage.chance.happens(_ABSENT, "absent", known[person].reference, month, len(session.participants))
            status = types.ATTENDANCE_STATUS_NO_SHOW if absent else types.ATTENDANCE_STATUS_PRESENT
            lines.append(types.Attendance(person_id=person, status=status))
            came.extend([] if absent else [person])
        await stage.client.sessions.RecordAttendance(
            pb.RecordAttendanceRequest(session_id=session.id, attendance=lines),
            metadata=stage.client.person(session.mentors[0]),
        )

    await stage.together(stage.words.of("holding", month=month), record, booked)
    return came


async def open_collective(
    stage: Stage, month: int, sites: Sequence[str], mentors: dict[str, list[str]], first_day: datetime, rounds: int
) -> list[Booked]:
    """Open sessions at each site and let people register, one after the other, until the waitlist has some."""
    planned = [(site, turn) for site in sites for turn in range(rounds if site == sites[0] else 1)]

    async def fill(plan: tuple[str, int]) -> Booked:
        site, turn = plan
        return await _one_collective(stage, month, site, turn, mentors[site], first_day + timedelta(days=turn))

    booked = await stage.together(stage.words.of("registering", month=month), fill, planned)
    return [session for session in booked if session.participants]


async def _one_collective(
    stage: Stage, month: int, site: str, turn: int, mentors: list[str], moment: datetime
) -> Booked:
    service, chance = stage.client.sessions, stage.chance
    count = 1 + (month + turn) % 3
    leaders = [mentors[(turn * 3 + i) % len(mentors)] for i in range(min(count, len(mentors)))]
    session = await service.ScheduleCollectiveSession(
        pb.ScheduleCollectiveSessionRequest(
            programme_id=stage.programme,
            site=site,
            module=stage.modules[(month + turn) % len(stage.modules)],
            starts_at=timestamp(moment),
            minutes=120,
            mentor_ids=sorted(set(leaders)),
            seats=_SEATS,
        ),
        metadata=stage.client.staff(Role.SITE_HR, site),
    )
    # Word of mouth: each month mostly new people, some who come back.
    staff = [actor for actor in stage.cast.staff[site] if actor.reference not in stage.record.left]
    start = ((month - 3) * 4 + turn) * (_ASKED - 4) % max(1, len(staff) - _ASKED)
    asked = staff[start : start + _ASKED]
    seated: list[Actor] = []
    for actor in asked:
        try:
            answer = await service.RegisterForSession(
                pb.RegisterForSessionRequest(session_id=session.id), metadata=stage.client.person(actor.id)
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            stage.record.refused_registrations += 1
            continue
        if answer.waitlist_place:
            stage.record.waitlisted += 1
        else:
            seated.append(actor)
    for actor in seated:
        if chance.happens(_GIVES_UP_SEAT, "gives up", actor.reference, month):
            await service.CancelRegistration(
                pb.CancelRegistrationRequest(session_id=session.id), metadata=stage.client.person(actor.id)
            )
    found = await service.GetSession(
        pb.GetSessionRequest(session_id=session.id), metadata=stage.client.staff(Role.SITE_HR, site)
    )
    at_first = {actor.id for actor in seated}
    stage.record.promoted += sum(person not in at_first for person in found.session.participant_ids)
    return Booked(session.id, list(found.session.mentor_ids), list(found.session.participant_ids))


def mentors_by_site(actors: Sequence[Actor], headquarters: str) -> dict[str, list[str]]:
    """Return who can lead at each site; a site without a mentor of its own is visited from headquarters."""
    found: dict[str, list[str]] = defaultdict(list)
    for actor in sorted(actors, key=lambda a: a.reference):
        found[actor.hris.site].append(actor.id)
    return defaultdict(lambda: found[headquarters], found)
