"""What others do with the same backlog, each as its documentation has it; run with the libraries of `peers.lock`.

Prints the rate as the last line, as JSON.
"""

import asyncio
import json
import logging
import sys
import time
from uuid import UUID, uuid4

import asyncpg
import uvloop
from aiokafka import AIOKafkaProducer
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream_outbox import OutboxBroker, make_outbox_table
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

BODY = {name: str(uuid4()) for name in ("pair_id", "mentor_id", "mentee_id")}


class Meter:
    """Counts from the first event to the last."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._seen = 0
        self.all_seen = asyncio.Event()

    def tick(self) -> None:
        if not self._seen:
            self._started = time.perf_counter()
        self._seen += 1
        if self._seen == self._count:
            self.rate = self._count / (time.perf_counter() - self._started)
            self.all_seen.set()


async def faststream_outbox(url: str, kafka: str, topic: str, count: int) -> float:
    metadata = MetaData()
    table = make_outbox_table(metadata, table_name="outbox")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=20)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    outbox = OutboxBroker(engine, outbox_table=table, logger=None)
    bus = KafkaBroker(kafka, logger=None, acks="all", enable_idempotence=True)
    meter = Meter(count)

    # More workers and larger fetches than its defaults, which are slower.
    @bus.publisher(topic)
    @outbox.subscriber("events", max_workers=8, fetch_batch_size=500)
    async def relay(body: dict[str, str]) -> dict[str, str]:
        meter.tick()
        return body

    async with engine.begin() as connection:
        for _ in range(count):
            await outbox.publish(BODY, queue="events", session=connection)
    await bus.start()
    await outbox.start()
    await meter.all_seen.wait()
    await outbox.stop()
    await bus.stop()
    await engine.dispose()
    return meter.rate


async def faststream(url: str, kafka: str, topic: str, count: int) -> float:
    pool = await asyncpg.create_pool(url)
    await pool.execute("CREATE TABLE seen (id uuid PRIMARY KEY, aggregate uuid, version int)")
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    body = json.dumps(BODY).encode()
    await asyncio.gather(*[await producer.send(topic, body, key=uuid4().bytes) for _ in range(count)])
    await producer.stop()
    bus, meter = KafkaBroker(kafka, logger=None), Meter(count)

    @bus.subscriber(topic, group_id=topic, auto_offset_reset="earliest", ack_policy=AckPolicy.ACK)
    async def keep(body: dict[str, str]) -> None:
        await pool.execute("INSERT INTO seen VALUES ($1, $2, 1)", uuid4(), UUID(body["pair_id"]))
        meter.tick()

    await bus.start()
    await meter.all_seen.wait()
    await bus.stop()
    await pool.close()
    return meter.rate


if __name__ == "__main__":
    name, url, kafka, topic, count = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    peer = {"faststream-outbox": faststream_outbox, "faststream": faststream}[name]
    print(json.dumps({"rate": uvloop.run(peer(url, kafka, topic, int(count)))}))
