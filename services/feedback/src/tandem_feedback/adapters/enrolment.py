"""Enrolment, asked over gRPC."""

from grpc.aio import Channel

from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceStub
from tandem_feedback.domain.questionnaire import Question
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.messages import to_dataclass


class GrpcEnrolment:
    def __init__(self, channel: Channel) -> None:
        self._stub = EnrolmentServiceStub(channel)

    async def end_questionnaire(self, programme: ProgrammeId) -> tuple[Question, ...]:
        answer = await self._stub.GetBlueprint(pb.GetBlueprintRequest(programme_id=str(programme)))
        return tuple(to_dataclass(question, Question) for question in answer.blueprint.end_questionnaire)
