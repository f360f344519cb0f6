"""Applies the events of neighbours: every one once, in order for its aggregate, none lost.

Polling is FastStream's; what counts as done is ours. The next offset of each partition, the watermark (last applied
version) of each aggregate, what the handlers changed and the events they recorded commit in one transaction of this
service's database. Kafka's own committed offsets only serve tools that show the lag.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from opentelemetry.trace import SpanKind
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tandem_kit import metrics, tables
from tandem_kit.batch import Batch, Handling, Record, traceparent_of
from tandem_kit.logs import get_log
from tandem_kit.postgres import is_transient
from tandem_kit.tracing import is_sampled, link_to, span
from tandem_kit.work import PARTITIONS

# FastStream waits that long for records, and when there were none sleeps as long again.
_POLL_MS = 4
_MAX_POLL_MS = 300_000
_BACK_OFF_SECONDS = (0.1, 5.0)
# How often Kafka is told where we are, for tools that show the lag.
_SHOW_LAG_SECONDS = 1.0

_LOCK_OFFSETS = text("""
    SELECT o.topic, o.partition, o.next_offset FROM consumer_offsets o
      JOIN unnest(CAST(:topics AS text[]), CAST(:partitions AS int[])) AS given (topic, partition)
     USING (topic, partition)
     WHERE o.consumer_group = :group ORDER BY o.topic, o.partition FOR UPDATE OF o
""")
_MOVE_OFFSETS = text("""
    UPDATE consumer_offsets o SET next_offset = given.following
      FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:following AS bigint[]))
           AS given (topic, partition, following)
     WHERE o.consumer_group = :group AND o.topic = given.topic AND o.partition = given.partition
""")


class WrongOffset(Exception):  # noqa: N818
    """The stored offset is not where this batch begins: read again from there."""


class Consumer:
    """Reads the subscribed topics for one consumer group, and decides what is done."""

    def __init__(self, handling: Handling, kafka: str, group: str, batch_records: int) -> None:
        self._handling = handling
        self._group = group
        self.applied = 0
        """Records applied or skipped since the start."""
        self._shown_at = 0.0
        self._kafka = kafka
        self._ends: AIOKafkaConsumer | None = None
        self._begun: set[tuple[str, int]] = set()
        self._broker = KafkaBroker(kafka, allow_auto_create_topics=False, logger=None)
        self._subscriber = self._broker.subscriber(
            *sorted(handling.subscription.topics),
            group_id=group,
            batch=True,
            max_records=batch_records,
            batch_timeout_ms=_POLL_MS,
            max_poll_interval_ms=_MAX_POLL_MS,
            # An offset that Kafka no longer has stops the reading: any other place would lose events or repeat them.
            auto_offset_reset="none",
            # Offsets are ours: nothing that FastStream acknowledges decides what is read next.
            ack_policy=AckPolicy.MANUAL,
            listener=_Seek(self),
            parser=_parse,
            decoder=_decode,
        )
        self._subscriber(self._on_batch)

    async def start(self) -> None:
        """Wait for Kafka, then join the group and read."""
        failures = 0
        while True:
            try:
                await self._broker.start()
            except Exception as error:  # noqa: BLE001 - aiokafka raises many kinds while Kafka is not there
                get_log().warning("waiting_for_kafka", error=repr(error))
                with suppress(Exception):
                    await self._broker.stop()
                await asyncio.sleep(_pause(failures))
                failures += 1
            else:
                return

    async def stop(self) -> None:
        """Finish the batch that is being applied, and leave the group."""
        await self._broker.stop()
        if self._ends is not None:
            await self._ends.stop()

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

    async def seek(self, partitions: Iterable[TopicPartition]) -> None:
        """Go to the stored offset of each partition; to the beginning where there is none."""
        async with self._handling.database.engine.connect() as connection:
            stored = await self.stored_offsets(connection)
        consumer = self._subscriber.consumer
        if consumer is None:
            return
        assigned = consumer.assignment()
        for at in partitions:
            if at in assigned:
                consumer.seek(at, stored.get(at, 0))

    async def _on_batch(self, message: KafkaMessage) -> None:
        records: Sequence[Record] = message.raw_message
        failures = 0
        deadline = time.monotonic() + _MAX_POLL_MS / 2000
        started = time.perf_counter()
        while True:
            try:
                await self._apply(records)
            except WrongOffset:
                await self._seek_back(records)
                outcome = "sought"
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - nothing may pass a record by
                if is_transient(error) and time.monotonic() < deadline:
                    get_log().warning("batch_waits", error=repr(error), records=len(records))
                    await asyncio.sleep(_pause(failures))
                    failures += 1
                    continue
                get_log().warning("batch_failed", error=repr(error), records=len(records))
                await self._seek_back(records)
                if not is_transient(error):
                    await self._one_by_one(records)
                outcome = "failed"
            else:
                outcome = "applied"
            break
        metrics.HANDLE_SECONDS.labels(self._handling.service, outcome).observe(time.perf_counter() - started)
        consumer = self._subscriber.consumer
        if consumer and outcome == "applied" and time.monotonic() - self._shown_at > _SHOW_LAG_SECONDS:
            with suppress(Exception):
                await consumer.commit()
            self._shown_at = time.monotonic()

    async def _seek_back(self, records: Sequence[Record]) -> None:
        """Go back, however long the database is away: Kafka's position is past these records already."""
        failures = 0
        while True:
            try:
                await self.seek({TopicPartition(record.topic, record.partition) for record in records})
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
                await self._apply([record])
            except WrongOffset:
                continue
            except Exception as error:  # noqa: BLE001 - parked below, whatever it is
                if is_transient(error):
                    break
                get_log().exception(
                    "event_parked", topic=record.topic, partition=record.partition, offset=record.offset
                )
                await self._apply([record], park_because=repr(error))
        await self._seek_back(records)

    async def _apply(self, records: Sequence[Record], park_because: str | None = None) -> None:
        links = [link_to(parent) for parent in map(traceparent_of, records) if parent and is_sampled(parent)]
        with span(
            "apply batch", SpanKind.CONSUMER, links=links, attributes={"messaging.batch.message_count": len(records)}
        ):
            async with self._handling.database.engine.connect() as connection, connection.begin():
                fresh = await self._take_offsets(connection, records)
                batch = Batch(self._handling, connection, fresh)
                await batch.lock_watermarks()
                for record in fresh:
                    await batch.apply(record, park_because)
                await batch.finish()
        # Only what is committed has begun.
        self._begun.update((record.topic, record.partition) for record in records)
        for record in fresh:
            metrics.EVENT_AGE.labels(self._handling.service).observe(max(0.0, time.time() - record.timestamp / 1000))
        self.applied += len(fresh)

    async def _take_offsets(self, connection: AsyncConnection, records: Sequence[Record]) -> list[Record]:
        """Lock the partitions' offsets, leave out what was applied before, and move the offsets on."""
        by_partition: dict[tuple[str, int], list[Record]] = defaultdict(list)
        for record in records:
            by_partition[record.topic, record.partition].append(record)
        keys = sorted(by_partition)
        begin = [key for key in keys if key not in self._begun]
        if begin:
            await connection.execute(
                insert(tables.consumer_offsets).on_conflict_do_nothing(),
                [{"consumer_group": self._group, "topic": t, "partition": p, "next_offset": 0} for t, p in begin],
            )
        where = {"group": self._group, "topics": [t for t, _ in keys], "partitions": [p for _, p in keys]}
        rows = await connection.execute(_LOCK_OFFSETS, where)
        stored = {(row.topic, row.partition): row.next_offset for row in rows}
        if len(stored) < len(keys):
            # Somebody restored the database: begin these partitions anew.
            self._begun.clear()
            raise WrongOffset
        fresh: list[Record] = []
        following: list[int] = []
        for key in keys:
            new = [record for record in by_partition[key] if record.offset >= stored[key]]
            if new and new[0].offset > stored[key]:
                raise WrongOffset
            fresh += new
            following.append(new[-1].offset + 1 if new else stored[key])
        await connection.execute(_MOVE_OFFSETS, where | {"following": following})
        return fresh


class _Seek(ConsumerRebalanceListener):  # type: ignore[misc]
    """Goes to the stored offsets whenever partitions are assigned."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        pass

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._consumer.seek(assigned)


async def _parse(message: Any) -> KafkaMessage:
    # FastStream's own parser fails on a header that is not UTF-8, and then passes the record by.
    return KafkaMessage(raw_message=message, body=b"", consumer=FAKE_CONSUMER)


async def _decode(_: KafkaMessage) -> bytes:
    return b""


def _pause(failures: int) -> float:
    least, most = _BACK_OFF_SECONDS
    return float(min(most, least * 2**failures) * random.uniform(0.5, 1))
