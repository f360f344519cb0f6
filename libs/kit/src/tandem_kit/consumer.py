"""Applies the events of neighbours: every one once, in order for its aggregate, none lost.

Polling is aiokafka's; what counts as done is ours. The next offset of each partition, the watermark (last applied
version) of each aggregate, what the handlers changed and the events they recorded commit in one transaction of this
service's database. Kafka's own committed offsets only serve tools that show the lag.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from opentelemetry.trace import SpanKind
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tandem_kit import metrics, tables
from tandem_kit.batch import Batch, Handling, Record, WrongOffset, traceparent_of
from tandem_kit.logs import get_log
from tandem_kit.postgres import is_transient
from tandem_kit.tracing import is_sampled, link_to, span
from tandem_kit.work import PARTITIONS

# How soon a consumer without records sees that it has to stop.
_POLL_MS = 250
_MAX_POLL_MS = 300_000
_BACK_OFF_SECONDS = (0.1, 5.0)
# How often Kafka is told where we are, for tools that show the lag.
_SHOW_LAG_SECONDS = 1.0


class Consumer:
    """Reads the subscribed topics for one consumer group, and decides what is done."""

    def __init__(self, handling: Handling, kafka: str, group: str, batch_records: int) -> None:
        self._handling = handling
        self._kafka = kafka
        self._group = group
        self._batch_records = batch_records
        self._stopping = asyncio.Event()
        self._shown_at = 0.0
        self._ends: AIOKafkaConsumer | None = None
        self.applied = 0
        """Records applied or skipped since the start."""

    async def run(self) -> None:
        """Join the group and read until told to stop; after any failure drop the connection, back off, join again."""
        failures = 0
        while not self._stopping.is_set():
            applied = self.applied
            try:
                await self._read()
            except Exception as error:  # noqa: BLE001 - aiokafka raises many kinds; the events still have to be read
                failures = 0 if self.applied > applied else failures + 1
                get_log().warning("consumer_failed", error=repr(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), _pause(failures))

    async def stop(self) -> None:
        """Let `run` finish the batch that it applies, leave the group, and return."""
        self._stopping.set()
        if self._ends is not None:
            await self._ends.stop()

    async def _read(self) -> None:
        kafka = AIOKafkaConsumer(
            bootstrap_servers=self._kafka,
            group_id=self._group,
            enable_auto_commit=False,
            # An offset that Kafka no longer has stops the reading: any other place would lose events or repeat them.
            auto_offset_reset="none",
            max_poll_interval_ms=_MAX_POLL_MS,
        )
        kafka.subscribe(sorted(self._handling.subscription.topics), listener=_Seek(self, kafka))
        await kafka.start()
        try:
            while not self._stopping.is_set():
                polled = await kafka.getmany(timeout_ms=_POLL_MS, max_records=self._batch_records)
                records = [record for of_partition in polled.values() for record in of_partition]
                if records:
                    await self._apply(kafka, records)
        finally:
            await asyncio.shield(kafka.stop())

    async def unread(self) -> int:
        """Return how many records on the subscribed topics are not applied yet, whether or not this consumer reads."""
        topics = self._handling.subscription.topics
        partitions = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        if self._ends is None:
            # A consumer of its own: on the first one's connection the question waits behind a long poll (0.5 s).
            asker = AIOKafkaConsumer(bootstrap_servers=self._kafka)
            await asker.start()
            self._ends = asker
        ends: dict[TopicPartition, int] = await self._ends.end_offsets(partitions)
        async with self._handling.database.engine.connect() as connection:
            stored = await self.stored_offsets(connection)
        return sum(max(0, end - stored.get(at, 0)) for at, end in ends.items())

    async def stored_offsets(self, connection: AsyncConnection) -> dict[TopicPartition, int]:
        """Return the next offset to apply of every partition that this group has begun."""
        t = tables.consumer_offsets
        rows = await connection.execute(select(t).where(t.c.consumer_group == self._group))
        return {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}

    async def seek(self, kafka: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> None:
        """Go to the stored offset of each partition; to the beginning where there is none."""
        async with self._handling.database.engine.connect() as connection:
            stored = await self.stored_offsets(connection)
        assigned = kafka.assignment()
        for at in partitions:
            if at in assigned:
                kafka.seek(at, stored.get(at, 0))

    async def _apply(self, kafka: AIOKafkaConsumer, records: Sequence[Record]) -> None:
        """Apply the records; whatever prevents it, end with Kafka's position at the stored offsets."""
        started = time.perf_counter()
        deadline = time.monotonic() + _MAX_POLL_MS / 2000
        failures = 0
        outcome = ""
        while not outcome:
            try:
                await self._commit(records)
                outcome = "applied"
            except WrongOffset:
                await self._seek_back(kafka, records)
                outcome = "sought"
            except Exception as error:  # noqa: BLE001 - nothing may pass a record by
                if is_transient(error) and time.monotonic() < deadline:
                    get_log().warning("batch_waits", error=repr(error), records=len(records))
                    await asyncio.sleep(_pause(failures))
                    failures += 1
                    continue
                get_log().warning("batch_failed", error=repr(error), records=len(records))
                if not is_transient(error):
                    await self._one_by_one(records)
                await self._seek_back(kafka, records)
                outcome = "failed"
        metrics.HANDLE_SECONDS.labels(self._handling.service, outcome).observe(time.perf_counter() - started)
        if outcome == "applied" and time.monotonic() - self._shown_at > _SHOW_LAG_SECONDS:
            with suppress(Exception):
                await kafka.commit()
            self._shown_at = time.monotonic()

    async def _seek_back(self, kafka: AIOKafkaConsumer, records: Sequence[Record]) -> None:
        """Go back, however long the database is away: Kafka's position is past these records already."""
        failures = 0
        while True:
            try:
                await self.seek(kafka, {TopicPartition(record.topic, record.partition) for record in records})
            except Exception as error:  # noqa: BLE001 - giving up here would pass the records by
                get_log().warning("seek_waits", error=repr(error))
                await asyncio.sleep(_pause(failures))
                failures += 1
            else:
                return

    async def _one_by_one(self, records: Sequence[Record]) -> None:
        """Apply each record in a transaction of its own, and park the one that cannot be applied."""
        for record in records:
            try:
                await self._commit([record])
            except WrongOffset:
                continue
            except Exception as error:  # noqa: BLE001 - parked below, whatever it is
                if is_transient(error):
                    return
                get_log().exception(
                    "event_parked", topic=record.topic, partition=record.partition, offset=record.offset
                )
                await self._commit([record], park_because=repr(error))

    async def _commit(self, records: Sequence[Record], park_because: str | None = None) -> None:
        links = [link_to(parent) for parent in map(traceparent_of, records) if parent and is_sampled(parent)]
        with span(
            "apply batch", SpanKind.CONSUMER, links=links, attributes={"messaging.batch.message_count": len(records)}
        ):
            async with self._handling.database.engine.connect() as connection, connection.begin():
                batch = Batch(self._handling, connection)
                fresh = await batch.take(self._group, records)
                for record in fresh:
                    await batch.apply(record, park_because)
                await batch.finish()
        for record in fresh:
            metrics.EVENT_AGE.labels(self._handling.service).observe(max(0.0, time.time() - record.timestamp / 1000))
        self.applied += len(fresh)


class _Seek(ConsumerRebalanceListener):  # type: ignore[misc]
    """Goes to the stored offsets whenever partitions are assigned."""

    def __init__(self, consumer: Consumer, kafka: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._kafka = kafka

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        pass

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._consumer.seek(self._kafka, assigned)


def _pause(failures: int) -> float:
    least, most = _BACK_OFF_SECONDS
    return float(min(most, least * 2**failures) * random.uniform(0.5, 1))
