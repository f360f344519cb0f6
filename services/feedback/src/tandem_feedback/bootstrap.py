"""Builds feedback; the only place that does."""

from tandem.feedback.v1 import service_pb2
from tandem_feedback.adapters.enrolment import GrpcEnrolment
from tandem_feedback.adapters.events import TOPICS
from tandem_feedback.adapters.tables import metadata
from tandem_feedback.adapters.work import work_with
from tandem_feedback.application.commands.adopt_questionnaire import AdoptQuestionnaire, adopt_questionnaire
from tandem_feedback.application.commands.ask_for_questionnaire import ask_for_questionnaire
from tandem_feedback.application.commands.look_whom_to_ask import look_whom_to_ask
from tandem_feedback.application.commands.open_questionnaire import open_questionnaire
from tandem_feedback.application.errands.fetch_questionnaire import FetchQuestionnaire
from tandem_feedback.entrypoints.consumers import SUBSCRIPTION
from tandem_feedback.entrypoints.grpc_server import METHODS
from tandem_feedback.settings import Settings
from tandem_kit.domain import Clock
from tandem_kit.handlers import UseCases
from tandem_kit.service import Parts, Service
from tandem_kit.timers import errands

NAME = "feedback"

USE_CASES = UseCases(adopt_questionnaire, ask_for_questionnaire, look_whom_to_ask, open_questionnaire)


def build(settings: Settings) -> Service:
    parts = Parts.of(NAME, settings, work_with(settings.token_key.read_bytes()), TOPICS, metadata)
    neighbours = {"enrolment": parts.connect(settings.enrolment), "sessions": parts.connect(settings.sessions)}
    enrolment = GrpcEnrolment(neighbours["enrolment"])

    async def fetching(errand: FetchQuestionnaire, _: Clock) -> AdoptQuestionnaire:
        return AdoptQuestionnaire(errand.programme_id, await enrolment.end_questionnaire(errand.programme_id))

    return parts.service(
        service_pb2,
        METHODS,
        USE_CASES,
        subscription=SUBSCRIPTION,
        errands=errands(fetching),
        neighbours=neighbours,
    )
