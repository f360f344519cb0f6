"""Enrolment, asked over gRPC."""

from grpc.aio import Channel

from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceStub
from tandem_kit.messages import adapter, to_plain
from tandem_sessions.domain.programme import Curriculum
from tandem_sessions.domain.types import ProgrammeId


class GrpcEnrolment:
    def __init__(self, channel: Channel) -> None:
        self._stub = EnrolmentServiceStub(channel)

    async def curriculum(self, programme: ProgrammeId) -> Curriculum:
        answer = await self._stub.GetBlueprint(pb.GetBlueprintRequest(programme_id=str(programme)))
        blueprint = to_plain(answer.blueprint)
        curriculum: Curriculum = adapter(Curriculum).validate_python(
            {
                "id": programme,
                "modules": blueprint["curriculum"],
                "one_to_one": blueprint["one_to_one"],
                "collective": blueprint["collective"],
            }
        )
        return curriculum
