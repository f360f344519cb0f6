"""The answer to an operator's question: what has this service still to do?"""

from dataclasses import dataclass

import grpc
from sqlalchemy import func, select

from tandem.operations.v1 import service_pb2 as pb
from tandem_kit import tables
from tandem_kit.consumer import Consumer
from tandem_kit.postgres import PostgresDatabase
from tandem_kit.relay import Relay
from tandem_kit.timers import TimerWorker


@dataclass(frozen=True, slots=True)
class Operations:
    """Counts over one service's database, relay, consumer and timers."""

    database: PostgresDatabase
    relay: Relay
    timers: TimerWorker
    consumer: Consumer | None

    def handler(self) -> grpc.GenericRpcHandler:
        answer = grpc.unary_unary_rpc_method_handler(
            self._get_backlog,
            request_deserializer=pb.GetBacklogRequest.FromString,
            response_serializer=pb.GetBacklogResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler("tandem.operations.v1.OperationsService", {"GetBacklog": answer})

    async def _get_backlog(self, _: pb.GetBacklogRequest, __: object) -> pb.GetBacklogResponse:
        due, refused = await self.timers.counts()
        async with self.database.engine.connect() as connection:
            unpublished = await connection.scalar(select(func.count()).where(tables.outbox.c.published_at.is_(None)))
            parked = await connection.scalar(select(func.count()).select_from(tables.parked))
        applied = self.consumer.applied if self.consumer else 0
        return pb.GetBacklogResponse(
            unpublished_events=unpublished or 0,
            unread_records=await self.consumer.unread() if self.consumer else 0,
            due_timers=due,
            parked_events=parked or 0,
            failed_timers=refused,
            activity=self.relay.published + applied + self.timers.run_count,
        )
