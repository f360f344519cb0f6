"""Which topic each aggregate's facts go to. An answer is no fact that leaves."""

from tandem.feedback.v1 import events_pb2
from tandem_feedback.domain.questionnaire import Invitation, Questionnaire
from tandem_kit.work import Topics

TOPICS = Topics(
    {
        Questionnaire: ("tandem.feedback.questionnaire.v1", events_pb2),
        Invitation: ("tandem.feedback.invitation.v1", events_pb2),
    }
)
