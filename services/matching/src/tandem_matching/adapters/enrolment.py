"""Enrolment, asked over gRPC."""

from grpc.aio import Channel

from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceStub
from tandem_kit.messages import to_dataclass
from tandem_matching.application.ports import PairCheck
from tandem_matching.domain.fit import MatchingRules
from tandem_matching.domain.types import PersonId, ProgrammeId


class GrpcEnrolment:
    def __init__(self, channel: Channel) -> None:
        self._stub = EnrolmentServiceStub(channel)

    async def matching_rules(self, programme: ProgrammeId) -> MatchingRules:
        answer = await self._stub.GetBlueprint(pb.GetBlueprintRequest(programme_id=str(programme)))
        return to_dataclass(answer.blueprint.matching, MatchingRules)

    async def check_pair(self, programme: ProgrammeId, mentor: PersonId, mentee: PersonId) -> PairCheck:
        request = pb.CheckPairRequest(programme_id=str(programme), mentor_id=str(mentor), mentee_id=str(mentee))
        return to_dataclass(await self._stub.CheckPair(request), PairCheck)
