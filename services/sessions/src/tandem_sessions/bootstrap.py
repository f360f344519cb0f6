"""Builds sessions; the only place that does."""

from tandem.sessions.v1 import service_pb2
from tandem_kit.domain import Clock
from tandem_kit.handlers import UseCases
from tandem_kit.service import Parts, Service
from tandem_kit.timers import errands
from tandem_sessions.adapters.enrolment import GrpcEnrolment
from tandem_sessions.adapters.events import TOPICS
from tandem_sessions.adapters.tables import metadata
from tandem_sessions.adapters.work import SessionsWork
from tandem_sessions.application.commands.adopt_curriculum import AdoptCurriculum, adopt_curriculum
from tandem_sessions.application.commands.ask_for_curriculum import ask_for_curriculum
from tandem_sessions.application.commands.end_pair import end_pair
from tandem_sessions.application.commands.open_charter import open_charter
from tandem_sessions.application.commands.release_mentor import release_mentor
from tandem_sessions.application.commands.release_participant import release_participant
from tandem_sessions.application.errands.fetch_curriculum import FetchCurriculum
from tandem_sessions.entrypoints.consumers import SUBSCRIPTION
from tandem_sessions.entrypoints.grpc_server import METHODS
from tandem_sessions.settings import Settings

NAME = "sessions"

USE_CASES = UseCases(adopt_curriculum, ask_for_curriculum, end_pair, open_charter, release_mentor, release_participant)


def build(settings: Settings) -> Service:
    parts = Parts.of(NAME, settings, SessionsWork, TOPICS, metadata)
    neighbours = {"enrolment": parts.connect(settings.enrolment), "matching": parts.connect(settings.matching)}
    enrolment = GrpcEnrolment(neighbours["enrolment"])

    async def fetching(errand: FetchCurriculum, _: Clock) -> AdoptCurriculum:
        return AdoptCurriculum(await enrolment.curriculum(errand.programme_id))

    return parts.service(
        service_pb2,
        METHODS,
        USE_CASES,
        subscription=SUBSCRIPTION,
        errands=errands(fetching),
        neighbours=neighbours,
    )
