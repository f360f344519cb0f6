"""How fast a backlog drains: from the outbox to Kafka, and from Kafka to another database.

Each beside a floor (the same events sent, and written, by aiokafka and asyncpg, with no promise kept) and beside peers
on the same servers: faststream-outbox as its documentation has it, and FastStream's Kafka subscriber with a commit for
every message. The consumer's handler adds one row for each event. Then the same with a million rows already there.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from rich.console import Console
from rich.table import Table
from sqlalchemy import Column, Integer, MetaData, Uuid
from sqlalchemy import Table as SqlTable

from benchmarks.servers import Servers, servers
from tandem.matching.v1 import events_pb2
from tandem_kit import tables
from tandem_kit.batch import Handling
from tandem_kit.clock import SystemClock
from tandem_kit.cloudevents import Envelope, headers_of
from tandem_kit.consumer import Consumer, Flood, Patience
from tandem_kit.handlers import UseCases, subscribe
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.relay import Relay
from tandem_kit.work import PARTITIONS, OutboxRow, Topics, Work, Works, partition_of

AGGREGATES = 1000
PEERS = Path(__file__).parent / "peers.py"

SEEN = MetaData()
seen = SqlTable(
    "seen",
    SEEN,
    Column("id", Uuid, primary_key=True),
    Column("aggregate", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
)


@dataclass(kw_only=True)
class Seen:
    id: UUID
    aggregate: UUID
    version: int


class SeenWork(Work):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.seen = self.repository(Seen, "seen")


async def keep(event: events_pb2.PairDissolved, about: Envelope, facts: SeenWork) -> None:
    facts.seen.add(Seen(id=uuid4(), aggregate=UUID(event.pair_id), version=about.version))


def events(topic: str, first: int, count: int, aggregates: list[UUID]) -> list[OutboxRow]:
    """Return events, each the next version of one aggregate in turn."""
    made = []
    for number in range(first, first + count):
        pair = aggregates[number % len(aggregates)]
        message = events_pb2.PairDissolved(pair_id=str(pair), mentor_id=str(pair), mentee_id=str(pair))
        made.append(
            OutboxRow(
                topic=topic,
                partition=partition_of(str(pair).encode()),
                aggregate_id=pair,
                version=number // len(aggregates) + 1,
                type="tandem.matching.v1.PairDissolved",
                payload=message.SerializeToString(),
                site="lyon",
                time=datetime(2026, 1, 5, tzinfo=UTC),
                traceparent=None,
            )
        )
    return made


async def rate(progress: Callable[[], int], until: int) -> float:
    """Return the events a second between the first that counts and the last."""
    while not (begun := progress()):
        await asyncio.sleep(0.002)
    started = time.perf_counter()
    while progress() < until:
        await asyncio.sleep(0.002)
    return (until - begun) / (time.perf_counter() - started)


async def ours(on: Servers, count: int, stored: int) -> tuple[float, float]:
    """Return what relay and consumer do with a backlog, in databases that hold `stored` events already."""
    source_url, target_url = await on.new_database(), await on.new_database()
    source = PostgresDatabase(make_engine(source_url, 2), SEEN)
    target = PostgresDatabase(make_engine(target_url, 4), SEEN)
    for database in (source, target):
        async with database.engine.begin() as connection:
            await connection.run_sync(tables.KIT.create_all)
            await connection.run_sync(SEEN.create_all)
    await _fill(source_url, target_url, stored)
    topic, aggregates = await asyncio.to_thread(on.new_topic), [uuid4() for _ in range(AGGREGATES)]
    for first in range(0, count, 1000):
        async with source.transaction() as store:
            await store.record(events(topic, first, min(1000, count - first), aggregates))
    relay = Relay("bench", source_url, on.kafka)
    relaying = asyncio.create_task(relay.run())
    relayed = await rate(lambda: relay.published, count)
    relaying.cancel()
    with suppress(asyncio.CancelledError):
        await relaying
    subscription = subscribe([topic], projections=[keep], reactions=[])
    works = Works(SeenWork, target, SystemClock(), Topics({}))
    handling = Handling("bench", subscription, UseCases(), works, target, SystemClock())
    consumer = Consumer(handling, on.kafka, topic, 500, Flood(20, 0.5), Patience())
    consuming = asyncio.create_task(consumer.run())
    consumed = await rate(lambda: consumer.applied, count)
    await consumer.stop()
    await consuming
    await source.engine.dispose()
    await target.engine.dispose()
    return relayed, consumed


async def _fill(source_url: str, target_url: str, stored: int) -> None:
    if not stored:
        return
    connection = await asyncpg.connect(source_url)
    await connection.execute(
        "INSERT INTO outbox (topic, partition, aggregate_id, version, type, payload, time, published_at) "
        "SELECT 'old', 0, gen_random_uuid(), 1, 'tandem.matching.v1.PairDissolved', decode(repeat('00', 110), 'hex'), "
        "now(), now() FROM generate_series(1, $1)",
        stored,
    )
    await connection.execute("ANALYZE outbox")
    await connection.close()
    connection = await asyncpg.connect(target_url)
    await connection.execute(
        "INSERT INTO watermarks SELECT 'old', gen_random_uuid()::text, 1 FROM generate_series(1, $1)", stored
    )
    await connection.execute(
        "INSERT INTO seen SELECT gen_random_uuid(), gen_random_uuid(), 1 FROM generate_series(1, $1)", stored
    )
    await connection.execute("ANALYZE watermarks, seen")
    await connection.close()


async def floor(on: Servers, count: int) -> tuple[float, float]:
    """Return the rates of aiokafka and asyncpg alone: rows read, sent in batches, polled, and written."""
    url, topic = await on.new_database(), await asyncio.to_thread(on.new_topic)
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE seen (id uuid PRIMARY KEY, aggregate uuid, version int)")
    rows = events(topic, 0, count, [uuid4() for _ in range(AGGREGATES)])
    producer = AIOKafkaProducer(bootstrap_servers=on.kafka, acks="all", enable_idempotence=True, max_batch_size=2**20)
    await producer.start()
    started = time.perf_counter()
    for first in range(0, count, 500):
        sent = [
            await producer.send(
                topic,
                row.payload,
                key=str(row.aggregate_id).encode(),
                partition=row.partition,
                headers=headers_of(
                    service="bench",
                    type_=row.type,
                    aggregate_id=row.aggregate_id,
                    version=row.version,
                    time=row.time,
                    site=row.site,
                    traceparent=None,
                ),
            )
            for row in rows[first : first + 500]
        ]
        await asyncio.gather(*sent)
    relayed = count / (time.perf_counter() - started)
    await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=on.kafka, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
    polled = await consumer.getmany(timeout_ms=5000, max_records=500)
    started, done, begun = time.perf_counter(), 0, sum(len(records) for records in polled.values())
    while done < count:
        batch = [record for of_partition in polled.values() for record in of_partition]
        values = [(uuid4(), UUID(events_pb2.PairDissolved.FromString(r.value).pair_id), 1) for r in batch]
        await connection.executemany("INSERT INTO seen VALUES ($1, $2, $3)", values)
        done += len(batch)
        polled = await consumer.getmany(timeout_ms=500, max_records=500) if done < count else {}
    consumed = (count - begun) / (time.perf_counter() - started)
    await consumer.stop()
    await connection.close()
    return relayed, consumed


async def peer(python: str, name: str, on: Servers, count: int) -> float:
    """Return a peer's rate, measured in a process of its own with its own libraries."""
    url, topic = await on.new_database(), await asyncio.to_thread(on.new_topic)
    process = await asyncio.create_subprocess_exec(
        python, str(PEERS), name, url, on.kafka, topic, str(count), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        sys.exit(f"{name} ended with {process.returncode}")
    return float(json.loads(said.splitlines()[-1])["rate"])


async def measure(count: int, peers: str | None, console: Console) -> None:
    async with servers() as on:
        await ours(on, 2000, 0)
        least = await floor(on, count)
        table = Table("", "outbox → Kafka", "Kafka → database", title=f"events a second, {count} in the backlog")

        def row(name: str, relayed: float | None, consumed: float | None) -> None:
            cells = [
                f"{value:,.0f} ({value / of:.2f} × the floor)" if value else "–"
                for value, of in zip((relayed, consumed), least, strict=True)
            ]
            table.add_row(name, *cells)

        row("floor: aiokafka and asyncpg, no promises", *least)
        row("Tandem", *await ours(on, count, 0))
        for stored in (10_000, 100_000, 1_000_000):
            row(f"Tandem, {stored:,} events stored before", *await ours(on, count, stored))
        if peers:
            few = count // 10
            row("faststream-outbox", await peer(peers, "faststream-outbox", on, few), None)
            row("FastStream, a commit for each message", None, await peer(peers, "faststream", on, few))
        console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--peers", help="the python of an environment with benchmarks/peers.lock")
    given = parser.parse_args()
    uvloop.run(measure(given.events, given.peers, Console(width=140)))
