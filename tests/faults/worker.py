"""A relay or a consumer as a process of its own, made of the kit's parts, with a ledger as its only projection.

It can be told to kill itself at a named point, and a guard of the kit can be taken away from it: by replacing code
here, for nothing of that kind is a setting of the product.
"""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import structlog
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import BigInteger, Column, Identity, Integer, MetaData, Table, Uuid

from tandem.matching.v1 import events_pb2
from tandem_kit import relay as relay_module
from tandem_kit.batch import Batch, Handling, Poison, Record
from tandem_kit.cloudevents import Envelope
from tandem_kit.consumer import Consumer, Flood, Patience
from tandem_kit.handlers import UseCases, subscribe
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.relay import Relay
from tandem_kit.testing.clock import FixedClock
from tandem_kit.work import OutboxRow, Topics, Work, Works, partition_of

EVENT = "tandem.matching.v1.PairDissolved"
POISON = "poison"

LEDGER = MetaData()
ledger = Table(
    "ledger",
    LEDGER,
    Column("id", Uuid, primary_key=True),
    # The order of writing.
    Column("number", BigInteger, Identity(always=True, cache=1), unique=True),
    Column("aggregate", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
)


def event_of(topic: str, aggregate: UUID, version: int, *, poison: bool = False, size: int = 0) -> OutboxRow:
    """Return an event as a service's outbox holds it."""
    message = events_pb2.PairDissolved(pair_id=str(aggregate), mentor_id=POISON if poison else "x" * size)
    return OutboxRow(
        topic=topic,
        partition=partition_of(str(aggregate).encode()),
        aggregate_id=aggregate,
        version=version,
        type=EVENT,
        payload=message.SerializeToString(),
        site="lyon",
        time=datetime(2026, 1, 5, tzinfo=UTC),
        traceparent=None,
    )


@dataclass(kw_only=True)
class Entry:
    """One event, applied. Never an upsert: what is applied twice stands twice."""

    id: UUID
    aggregate: UUID
    version: int


class LedgerWork(Work):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ledger = self.repository(Entry, "ledger")


async def keep(event: events_pb2.PairDissolved, about: Envelope, facts: LedgerWork) -> None:
    if event.mentor_id == POISON:
        raise ValueError("on purpose")
    facts.ledger.add(Entry(id=uuid4(), aggregate=UUID(event.pair_id), version=about.version))


def make_consumer(url: str, kafka: str, topic: str, session_seconds: float) -> Consumer:
    database = PostgresDatabase(make_engine(url, 4), LEDGER)
    works = Works(LedgerWork, database, FixedClock(), Topics({}))
    handling = Handling(
        "sessions", subscribe([topic], projections=[keep], reactions=[]), UseCases(), works, database, FixedClock()
    )
    patience = Patience(session=session_seconds, unassigned=max(5.0, 6 * session_seconds), halt=1.0)
    return Consumer(handling, kafka, topic, 500, Flood(200, 0.9), patience)


def make_relay(url: str, kafka: str, request_seconds: float) -> Relay:
    producer: Any = partial(AIOKafkaProducer, request_timeout_ms=int(request_seconds * 1000))
    vars(relay_module)["AIOKafkaProducer"] = producer
    return Relay("matching", url, kafka)


# Where a process can be told to die: the class, its method, and whether before the method runs or after it.
POINTS: dict[str, tuple[type, str, bool]] = {
    "relay before send": (AIOKafkaProducer, "send_batch", False),
    "relay after send": (AIOKafkaProducer, "send_batch", True),
    "relay after acknowledgement": (Relay, "_send_batch", True),
    "relay after mark": (Relay, "_send", True),
    "consumer before handler": (Batch, "apply", False),
    "consumer before commit": (Batch, "finish", True),
    "consumer after commit": (Consumer, "_commit", True),
    "consumer before showing its offset": (AIOKafkaConsumer, "commit", False),
}


def die_at(point: str, times: int) -> None:
    """Kill this process with SIGKILL when it passes the point for the given time."""
    kind, name, after = POINTS[point]
    wrapped: Callable[..., Awaitable[Any]] = getattr(kind, name)
    passed = 0

    async def mortal(*args: Any, **kwargs: Any) -> Any:
        nonlocal passed
        passed += 1
        result = await wrapped(*args, **kwargs) if after else None
        if passed >= times:
            os.kill(os.getpid(), signal.SIGKILL)
        return result if after else await wrapped(*args, **kwargs)

    setattr(kind, name, mortal)


def step_wall_clock() -> None:
    """Let this process's wall clock jump an hour to and fro, each second."""
    true = time.time

    def stepped() -> float:
        at = true()
        return at + 3600 * (int(at) % 3 - 1)

    time.time = stepped


def _without_watermark() -> None:
    async def apply(self: Batch, record: Record) -> bool:
        await self._handle(record, self._envelope(record))
        return True

    Batch.apply = apply  # type: ignore[method-assign]


def _without_gap_rule() -> None:
    async def apply(self: Batch, record: Record) -> bool:
        envelope = self._envelope(record)
        key = (record.topic, envelope.aggregate_id)
        if envelope.version > self._watermarks[key]:
            await self._handle(record, envelope)
            self._watermarks[key] = envelope.version
        return True

    Batch.apply = apply  # type: ignore[method-assign]


def _without_going_back() -> None:
    async def nowhere(self: Consumer, kafka: Any, records: Sequence[Record] = ()) -> None: ...

    Consumer._seek_back = nowhere  # type: ignore[method-assign]
    Consumer._look_around = nowhere  # type: ignore[method-assign]


def _without_offsets_beside_the_effect() -> None:
    async def offsets_first(self: Consumer, records: Sequence[Record], poison: Poison | None = None) -> None:
        async with self._handling.database.engine.begin() as connection:
            batch = Batch(self._handling, connection)
            batch.open = _nothing  # type: ignore[assignment,method-assign]
            fresh = await batch.take(self._group, records)
        async with self._handling.database.engine.begin() as connection:
            batch = Batch(self._handling, connection)
            await batch.open(fresh)
            for record in fresh:
                await (batch.apply(record) if poison is None else batch.park(record, poison.kind, str(poison)))
            await batch.finish()

    Consumer._commit = offsets_first  # type: ignore[method-assign]


async def _nothing(_: Sequence[Record]) -> None: ...


def _without_lead() -> None:
    # Each process with a lock of its own: all of them lead.
    relay_module._LOCK = os.getpid()


def _without_order() -> None:
    send = Relay._send_batch

    async def backwards(self: Relay, producer: Any, at: Any, rows: Any) -> Any:
        return await send(self, producer, at, list(reversed(rows)))

    Relay._send_batch = backwards  # type: ignore[method-assign]


GUARDS: dict[str, Callable[[], None]] = {
    "watermark": _without_watermark,
    "gap rule": _without_gap_rule,
    "going back": _without_going_back,
    "offsets beside the effect": _without_offsets_beside_the_effect,
    "lead": _without_lead,
    "order in a batch": _without_order,
}


async def _run(given: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    if given.role == "relay":
        running = asyncio.create_task(make_relay(given.url, given.kafka, given.request).run())
        await told.wait()
        running.cancel()
        return
    consumer = make_consumer(given.url, given.kafka, given.topic, given.session)
    running = asyncio.create_task(consumer.run())
    await told.wait()
    await consumer.stop()
    await running


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["relay", "consumer"])
    for name in ("url", "kafka", "topic"):
        parser.add_argument(name)
    parser.add_argument("--die-at", choices=POINTS)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--without", choices=GUARDS)
    parser.add_argument("--session", type=float, required=True)
    parser.add_argument("--request", type=float, required=True)
    parser.add_argument("--stepping-clock", action="store_true")
    given = parser.parse_args()
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    if given.die_at:
        die_at(given.die_at, given.times)
    if given.without:
        GUARDS[given.without]()
    if given.stepping_clock:
        step_wall_clock()
    uvloop.run(_run(given))


if __name__ == "__main__":
    main()
