"""What sessions does with its neighbours' events."""

from datetime import UTC
from uuid import UUID

from tandem.enrolment.v1 import events_pb2 as enrolment
from tandem.matching.v1 import events_pb2 as matching
from tandem_kit.cloudevents import Envelope
from tandem_kit.handlers import subscribe
from tandem_sessions.application.commands.ask_for_curriculum import AskForCurriculum
from tandem_sessions.application.commands.end_pair import EndPair
from tandem_sessions.application.commands.open_charter import OpenCharter
from tandem_sessions.application.commands.release_mentor import ReleaseMentor
from tandem_sessions.application.commands.release_participant import ReleaseParticipant
from tandem_sessions.application.ports import Facts
from tandem_sessions.domain.programme import Employee, Mentor, OpenSite, ProgrammeDates
from tandem_sessions.domain.types import PairId, PersonId, ProgrammeId, SiteCode, site_id


async def keep_person(event: enrolment.PersonRegistered, _: Envelope, facts: Facts) -> None:
    facts.employees.put(Employee(id=UUID(event.person_id)))


async def keep_leaver(event: enrolment.PersonLeft, _: Envelope, facts: Facts) -> None:
    facts.employees.put(Employee(id=UUID(event.person_id), active=False))


async def keep_return(event: enrolment.PersonReturned, _: Envelope, facts: Facts) -> None:
    facts.employees.put(Employee(id=UUID(event.person_id)))


async def keep_site(event: enrolment.SiteOpened, _: Envelope, facts: Facts) -> None:
    facts.open_sites.put(OpenSite(id=site_id(SiteCode(event.site)), code=event.site))


async def keep_opening(event: enrolment.ProgrammeOpened, _: Envelope, facts: Facts) -> None:
    opened_at = event.opened_at.ToDatetime(tzinfo=UTC)
    facts.dates.put(ProgrammeDates(id=UUID(event.programme_id), opened_at=opened_at))


async def keep_end(event: enrolment.ProgrammeEnded, _: Envelope, facts: Facts) -> None:
    dates = await facts.dates.get(UUID(event.programme_id))
    dates.ended = True


async def keep_mentor(event: enrolment.MentorEnrolled, _: Envelope, facts: Facts) -> None:
    facts.mentors.put(
        Mentor(id=UUID(event.enrolment_id), programme_id=UUID(event.programme_id), person_id=UUID(event.person_id))
    )


async def keep_certification(event: enrolment.MentorCertified, _: Envelope, facts: Facts) -> None:
    mentor = await facts.mentors.get(UUID(event.enrolment_id))
    mentor.certified = True


async def keep_withdrawal(event: enrolment.EnrolmentWithdrawn, _: Envelope, facts: Facts) -> None:
    mentor = await facts.mentors.find(UUID(event.enrolment_id))
    if mentor is not None:
        mentor.withdrawn = True


def on_programme_created(event: enrolment.ProgrammeCreated, _: Envelope) -> AskForCurriculum:
    return AskForCurriculum(ProgrammeId(UUID(event.programme_id)))


def on_pair_formed(event: matching.PairFormed, about: Envelope) -> OpenCharter:
    return OpenCharter(
        pair_id=PairId(UUID(event.pair_id)),
        programme_id=ProgrammeId(UUID(event.programme_id)),
        site=SiteCode(about.site or ""),
        mentor_id=PersonId(UUID(event.mentor_id)),
        mentee_id=PersonId(UUID(event.mentee_id)),
    )


def on_pair_dissolved(event: matching.PairDissolved, _: Envelope) -> EndPair:
    return EndPair(PairId(UUID(event.pair_id)))


def on_enrolment_withdrawn(event: enrolment.EnrolmentWithdrawn, _: Envelope) -> ReleaseMentor:
    return ReleaseMentor(UUID(event.enrolment_id))


def on_person_left(event: enrolment.PersonLeft, _: Envelope) -> ReleaseParticipant:
    return ReleaseParticipant(PersonId(UUID(event.person_id)))


SUBSCRIPTION = subscribe(
    [
        "tandem.enrolment.enrolment.v1",
        "tandem.enrolment.person.v1",
        "tandem.enrolment.programme.v1",
        "tandem.enrolment.site.v1",
        "tandem.matching.pair.v1",
    ],
    projections=[
        keep_person,
        keep_leaver,
        keep_return,
        keep_site,
        keep_opening,
        keep_end,
        keep_mentor,
        keep_certification,
        keep_withdrawal,
    ],
    reactions=[
        on_programme_created,
        on_pair_formed,
        on_pair_dissolved,
        on_enrolment_withdrawn,
        on_person_left,
    ],
)
