"""What matching does with enrolment's events."""

from datetime import UTC
from uuid import UUID

from tandem.enrolment.v1 import events_pb2 as enrolment
from tandem_kit.cloudevents import Envelope
from tandem_kit.handlers import subscribe
from tandem_matching.application.commands.release_candidate import ReleaseCandidate
from tandem_matching.application.ports import Facts
from tandem_matching.domain.candidate import Candidate, Position
from tandem_matching.domain.types import EnrolmentId, PersonId, ProgrammeId, Role, SiteCode, Topic


async def keep_person(event: enrolment.PersonRegistered, _: Envelope, facts: Facts) -> None:
    facts.positions.put(Position(id=UUID(event.person_id), managers=_managers(event)))


async def keep_move(event: enrolment.PersonMoved, _: Envelope, facts: Facts) -> None:
    position = await facts.positions.get(UUID(event.person_id))
    position.managers = _managers(event)


async def keep_leaver(event: enrolment.PersonLeft, _: Envelope, facts: Facts) -> None:
    position = await facts.positions.get(UUID(event.person_id))
    position.active = False


async def keep_return(event: enrolment.PersonReturned, _: Envelope, facts: Facts) -> None:
    position = await facts.positions.get(UUID(event.person_id))
    position.active = True


async def keep_mentor(event: enrolment.MentorEnrolled, _: Envelope, facts: Facts) -> None:
    facts.candidates.put(_candidate(event, Role.MENTOR, event.capacity))


async def keep_mentee(event: enrolment.MenteeEnrolled, _: Envelope, facts: Facts) -> None:
    facts.candidates.put(_candidate(event, Role.MENTEE, 1))


async def keep_certification(event: enrolment.MentorCertified, _: Envelope, facts: Facts) -> None:
    candidate = await facts.candidates.get(UUID(event.enrolment_id))
    candidate.ready = True


async def keep_briefing(event: enrolment.MenteeBriefed, _: Envelope, facts: Facts) -> None:
    candidate = await facts.candidates.get(UUID(event.enrolment_id))
    candidate.ready = True


async def keep_withdrawal(event: enrolment.EnrolmentWithdrawn, _: Envelope, facts: Facts) -> None:
    candidate = await facts.candidates.get(UUID(event.enrolment_id))
    candidate.withdrawn = True


def on_enrolment_withdrawn(event: enrolment.EnrolmentWithdrawn, _: Envelope) -> ReleaseCandidate:
    return ReleaseCandidate(EnrolmentId(UUID(event.enrolment_id)))


def _managers(event: enrolment.PersonRegistered | enrolment.PersonMoved) -> list[UUID]:
    return [UUID(manager) for manager in (event.manager_id, event.functional_manager_id) if manager]


def _candidate(event: enrolment.MentorEnrolled | enrolment.MenteeEnrolled, role: Role, capacity: int) -> Candidate:
    return Candidate(
        id=UUID(event.enrolment_id),
        programme_id=ProgrammeId(UUID(event.programme_id)),
        person_id=PersonId(UUID(event.person_id)),
        role=role,
        workplace=SiteCode(event.site),
        topics=[Topic(topic.code, topic.level) for topic in event.topics],
        capacity=capacity,
        languages=list(event.languages),
        enrolled_at=event.enrolled_at.ToDatetime(tzinfo=UTC),
    )


SUBSCRIPTION = subscribe(
    ["tandem.enrolment.person.v1", "tandem.enrolment.enrolment.v1"],
    projections=[
        keep_person,
        keep_move,
        keep_leaver,
        keep_return,
        keep_mentor,
        keep_mentee,
        keep_certification,
        keep_briefing,
        keep_withdrawal,
    ],
    reactions=[on_enrolment_withdrawn],
)
