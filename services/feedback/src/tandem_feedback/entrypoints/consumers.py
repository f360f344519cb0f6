"""What feedback does with its neighbours' events."""

from uuid import UUID, uuid5

from tandem.enrolment.v1 import events_pb2 as enrolment
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.sessions.v1 import types_pb2 as session_types
from tandem_feedback.application.commands.ask_for_questionnaire import AskForQuestionnaire
from tandem_feedback.application.commands.look_whom_to_ask import LookWhomToAsk
from tandem_feedback.application.ports import Facts
from tandem_feedback.domain.questionnaire import EndedProgramme, HeldSession, Participation
from tandem_feedback.domain.types import PersonId, ProgrammeId, SessionFormat, SiteCode
from tandem_kit.cloudevents import Envelope
from tandem_kit.handlers import subscribe

_CAME = {session_types.ATTENDANCE_STATUS_PRESENT, session_types.ATTENDANCE_STATUS_PARTIAL}
_FORMATS = {
    session_types.SESSION_FORMAT_ONE_TO_ONE: SessionFormat.ONE_TO_ONE,
    session_types.SESSION_FORMAT_COLLECTIVE: SessionFormat.COLLECTIVE,
}


async def keep_session(event: sessions.SessionHeld, _: Envelope, facts: Facts) -> None:
    session, programme = UUID(event.session_id), ProgrammeId(UUID(event.programme_id))
    site, how = SiteCode(event.site), _FORMATS[event.format]
    mentors = [UUID(mentor) for mentor in event.mentor_ids]
    facts.held_sessions.put(HeldSession(id=session, programme_id=programme, site=site, format=how, mentor_ids=mentors))
    for line in event.attendance:
        if line.status in _CAME:
            facts.participations.put(
                Participation(
                    id=uuid5(session, line.person_id),
                    programme_id=programme,
                    session_id=session,
                    person_id=PersonId(UUID(line.person_id)),
                    site=site,
                    format=how,
                )
            )


async def keep_end(event: enrolment.ProgrammeEnded, _: Envelope, facts: Facts) -> None:
    facts.ended_programmes.put(EndedProgramme(id=UUID(event.programme_id)))


def on_programme_created(event: enrolment.ProgrammeCreated, _: Envelope) -> AskForQuestionnaire:
    return AskForQuestionnaire(ProgrammeId(UUID(event.programme_id)))


def on_programme_ended(event: enrolment.ProgrammeEnded, _: Envelope) -> LookWhomToAsk:
    return LookWhomToAsk(ProgrammeId(UUID(event.programme_id)))


def on_session_held(event: sessions.SessionHeld, _: Envelope) -> LookWhomToAsk:
    return LookWhomToAsk(ProgrammeId(UUID(event.programme_id)))


SUBSCRIPTION = subscribe(
    ["tandem.enrolment.programme.v1", "tandem.sessions.mentoring-session.v1"],
    projections=[keep_session, keep_end],
    reactions=[on_programme_created, on_programme_ended, on_session_held],
)
