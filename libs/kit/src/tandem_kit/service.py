"""A service as a process: what it is made of, and the order in which it starts and stops."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any, Self, TypeVar

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import start_http_server
from sqlalchemy import MetaData

from tandem.operations.v1 import service_pb2 as operations_pb2
from tandem.snapshots.v1 import service_pb2 as snapshots_pb2
from tandem_kit import metrics
from tandem_kit.batch import Handling
from tandem_kit.clock import SteeredClock, SystemClock
from tandem_kit.consumer import Consumer, Flood, Patience
from tandem_kit.domain import Clock
from tandem_kit.handlers import Subscription, UseCases
from tandem_kit.logs import get_log, set_up_logs
from tandem_kit.operations import operations
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.rebuild import Rebuild
from tandem_kit.relay import Relay
from tandem_kit.rpc.callers import Callers
from tandem_kit.rpc.client import connect, token_in
from tandem_kit.rpc.server import Method, Rpc
from tandem_kit.settings import ServiceSettings
from tandem_kit.snapshots import snapshots
from tandem_kit.timers import Errand, TimerWorker
from tandem_kit.tracing import set_up_tracing, trace_sql
from tandem_kit.work import Topics, Work, Works

S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one service, as its bootstrap built them."""

    name: str
    settings: ServiceSettings
    database: PostgresDatabase
    rpc: Sequence[Rpc]
    relay: Relay
    timers: TimerWorker
    consumer: Consumer | None = None
    channels: Iterable[grpc.aio.Channel] = ()

    async def serve(self) -> None:
        """Start, tell when ready, run until SIGTERM or SIGINT, and stop without failing a call."""
        settings = self.settings
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        server, healthy = self._server()
        await server.start()
        # A service answers while Kafka is away: what it records waits in the outbox.
        background = [asyncio.create_task(self.relay.run()), asyncio.create_task(self.timers.run())]
        reading = [asyncio.create_task(self.consumer.run())] if self.consumer else []
        await healthy.set("", health_pb2.HealthCheckResponse.SERVING)
        get_log().info("serving", **settings.printable())
        told = asyncio.create_task(stopping.wait())
        # None of the others ends by itself, unless it is broken: then the process stops, and is started again.
        await asyncio.wait([told, *background, *reading], return_when=asyncio.FIRST_COMPLETED)
        get_log().info("draining")
        await healthy.enter_graceful_shutdown()
        await server.stop(settings.drain_seconds)
        if self.consumer is not None:
            await self.consumer.stop()
        if reading:
            await asyncio.wait(reading, timeout=settings.drain_seconds)
        for task in (*reading, *background):
            task.cancel()
        broken = await asyncio.gather(*reading, *background, return_exceptions=True)
        told.cancel()
        for channel in self.channels:
            await channel.close()
        await self.database.engine.dispose()
        get_log().info("stopped")
        for error in broken:
            if isinstance(error, Exception):
                raise error

    def _server(self) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 16 * 2**20)])
        healthy = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
        server.add_generic_rpc_handlers(tuple(rpc.handler for rpc in self.rpc))
        try:
            server.add_insecure_port(self.settings.listen)
        except RuntimeError:
            sys.exit(
                f"{self.name} cannot listen on {self.settings.listen}: the port is taken, or is not of this machine."
            )
        return server, healthy


@dataclass(frozen=True, slots=True)
class Parts:
    """What every service is built from, before it adds its own."""

    name: str
    settings: ServiceSettings
    clock: Clock
    database: PostgresDatabase
    works: Works[Any]
    topics: Topics

    @classmethod
    def of(cls, name: str, settings: ServiceSettings, work: type[Work], topics: Topics, metadata: MetaData) -> Self:
        clock = SteeredClock(settings.clock_file) if settings.clock_file else SystemClock()
        database = PostgresDatabase(make_engine(settings.database_url, settings.database_pool), metadata)
        return cls(name, settings, clock, database, Works(work, database, clock, topics), topics)

    def connect(self, address: str) -> grpc.aio.Channel:
        """Return a channel to a neighbour, which this service calls by its own token."""
        file = self.settings.service_token
        return connect(address, token_in(file) if file else None)

    def service(
        self,
        contract: ModuleType,
        methods: Iterable[Method],
        use_cases: UseCases,
        *,
        subscription: Subscription | None = None,
        errands: Mapping[str, tuple[type, Errand]] | None = None,
        neighbours: Mapping[str, grpc.aio.Channel] = MappingProxyType({}),
    ) -> Service:
        """Return the service with its relay, timers and consumer; `neighbours` are the services that it calls."""
        name, settings = self.name, self.settings
        consumer = rebuild = None
        if subscription is not None:
            handling = Handling(name, subscription, use_cases, self.works, self.database, self.clock)
            group = f"{settings.group_prefix}.{name}"
            flood = Flood(settings.flood_in_a_row, settings.flood_share)
            consumer = Consumer(
                handling,
                settings.kafka,
                group,
                settings.batch_records,
                flood,
                Patience(settings.session_seconds, settings.unassigned_seconds),
            )
            rebuild = Rebuild(handling, group, settings.kafka, neighbours)
        relay = Relay(name, settings.database_url, settings.kafka)
        timers = TimerWorker(
            name, self.database, self.works, use_cases, errands or {}, self.clock, settings.timer_poll_seconds
        )
        callers = Callers(settings.jwks)

        def rpc(contract: ModuleType, called: str, methods: Iterable[Method]) -> Rpc:
            return Rpc(name, contract, called, methods, self.works, callers, self.clock)

        return Service(
            name=name,
            settings=settings,
            database=self.database,
            rpc=(
                rpc(contract, f"{name.capitalize()}Service", methods),
                rpc(snapshots_pb2, "SnapshotService", snapshots(self.topics)),
                rpc(operations_pb2, "OperationsService", operations(relay, timers, consumer, rebuild)),
            ),
            relay=relay,
            timers=timers,
            consumer=consumer,
            channels=list(neighbours.values()),
        )


def run(name: str, settings: S, build: Callable[[S], Service]) -> None:
    """Build a service and run it until it is told to stop."""
    set_up_logs(name, settings.version, settings.log_level)
    traces: TracerProvider = set_up_tracing(name, settings.trace_file, settings.trace_ratio)
    metrics.BUILD_INFO.labels(name, settings.version).set(1)
    if settings.metrics_listen:
        host, _, port = settings.metrics_listen.rpartition(":")
        start_http_server(int(port), host)

    async def serve() -> None:
        # Built here: gRPC channels belong to the loop in which they are made.
        service = build(settings)
        trace_sql(service.database.engine)
        await service.serve()

    with suppress(KeyboardInterrupt):
        uvloop.run(serve())
    traces.shutdown()
