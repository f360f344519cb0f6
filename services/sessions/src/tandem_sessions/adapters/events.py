"""Which topic each aggregate's facts go to."""

from tandem.sessions.v1 import events_pb2
from tandem_kit.work import Topics
from tandem_sessions.domain.charter import Charter
from tandem_sessions.domain.mentoring_session import MentoringSession

TOPICS = Topics(
    {
        Charter: ("tandem.sessions.charter.v1", events_pb2),
        MentoringSession: ("tandem.sessions.mentoring-session.v1", events_pb2),
    }
)
