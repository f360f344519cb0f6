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

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tandem_kit import metrics, tables
from tandem_kit.cloudevents import BadEnvelope, Envelope, envelope_from
from tandem_kit.domain import Clock
from tandem_kit.handlers import Subscription, UseCases
from tandem_kit.logs import get_log
from tandem_kit.postgres import PostgresDatabase, is_transient
from tandem_kit.tracing import context_from, is_sampled, link_to, span
from tandem_kit.work import Works

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
# Inserts what is not there, and locks and returns all, in one order for everybody.
_LOCK_WATERMARKS = text("""
    INSERT INTO watermarks (topic, aggregate_id, version)
    SELECT topic, aggregate, 0
      FROM unnest(CAST(:topics AS text[]), CAST(:aggregates AS text[])) AS given (topic, aggregate)
     ORDER BY topic, aggregate
        ON CONFLICT (topic, aggregate_id) DO UPDATE SET version = watermarks.version
    RETURNING topic, aggregate_id, version, parked
""")
_MOVE_WATERMARKS = text("""
    UPDATE watermarks w SET version = given.version, parked = given.parked
      FROM unnest(CAST(:topics AS text[]), CAST(:aggregates AS text[]),
                  CAST(:versions AS int[]), CAST(:parked AS bool[])) AS given (topic, aggregate, version, parked)
     WHERE w.topic = given.topic AND w.aggregate_id = given.aggregate
""")


class WrongOffset(Exception):  # noqa: N818
    """The stored offset is not where this batch begins: read again from there."""


class Consumer:
    """Reads the subscribed topics for one consumer group."""

    def __init__(
        self,
        service: str,
        kafka: str,
        group: str,
        subscription: Subscription,
        use_cases: UseCases,
        works: Works[Any],
        database: PostgresDatabase,
        clock: Clock,
        batch_records: int,
    ) -> None:
        self.service = service
        self._group = group
        self.subscription = subscription
        self.use_cases = use_cases
        self.works = works
        self.database = database
        self.clock = clock
        self.applied = 0
        """Records applied or skipped since the start."""
        self._shown_at = 0.0
        self._kafka = kafka
        self._ends: AIOKafkaConsumer | None = None
        self._begun: set[tuple[str, int]] = set()
        self._broker = KafkaBroker(kafka, allow_auto_create_topics=False, logger=None)
        self._subscriber = self._broker.subscriber(
            *sorted(subscription.topics),
            group_id=group,
            batch=True,
            max_records=batch_records,
            batch_timeout_ms=_POLL_MS,
            max_poll_interval_ms=_MAX_POLL_MS,
            auto_offset_reset="earliest",
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
        """Return how many records on the subscribed topics are not applied yet."""
        consumer = self._subscriber.consumer
        if consumer is None:
            return 0
        partitions = [
            TopicPartition(topic, p)
            for topic in self.subscription.topics
            for p in consumer.partitions_for_topic(topic) or ()
        ]
        if self._ends is None:
            # A consumer of its own: on the first one's connection the question waits behind a long poll (0.5 s).
            self._ends = AIOKafkaConsumer(bootstrap_servers=self._kafka)
            await self._ends.start()
        ends: dict[TopicPartition, int] = await self._ends.end_offsets(partitions)
        async with self.database.engine.connect() as connection:
            stored = await self.stored_offsets(connection)
        return sum(max(0, end - stored.get(at, 0)) for at, end in ends.items())

    async def stored_offsets(self, connection: AsyncConnection) -> dict[TopicPartition, int]:
        """Return the next offset to apply of every partition that this group has begun."""
        t = tables.consumer_offsets
        rows = await connection.execute(select(t).where(t.c.consumer_group == self._group))
        return {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}

    async def seek(self, partitions: Iterable[TopicPartition]) -> None:
        """Go to the stored offset of each partition; to the beginning where there is none."""
        async with self.database.engine.connect() as connection:
            stored = await self.stored_offsets(connection)
        consumer = self._subscriber.consumer
        if consumer is None:
            return
        assigned = consumer.assignment()
        for at in partitions:
            if at in assigned:
                consumer.seek(at, stored.get(at, 0))

    async def _on_batch(self, message: KafkaMessage) -> None:
        records: Sequence[ConsumerRecord[bytes, bytes]] = message.raw_message
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
        metrics.HANDLE_SECONDS.labels(self.service, outcome).observe(time.perf_counter() - started)
        consumer = self._subscriber.consumer
        if consumer and outcome == "applied" and time.monotonic() - self._shown_at > _SHOW_LAG_SECONDS:
            with suppress(Exception):
                await consumer.commit()
            self._shown_at = time.monotonic()

    async def _seek_back(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        await self.seek({TopicPartition(record.topic, record.partition) for record in records})

    async def _one_by_one(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
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

    async def _apply(self, records: Sequence[ConsumerRecord[bytes, bytes]], park_because: str | None = None) -> None:
        envelopes = {(r.topic, r.partition, r.offset): _envelope(r) for r in records}
        links = [
            link_to(e.traceparent)
            for e in envelopes.values()
            if isinstance(e, Envelope) and e.traceparent and is_sampled(e.traceparent)
        ]
        with span(
            "apply batch", SpanKind.CONSUMER, links=links, attributes={"messaging.batch.message_count": len(records)}
        ):
            async with self.database.engine.connect() as connection, connection.begin():
                fresh = await self._take_offsets(connection, records)
                batch = _Batch(self, connection, fresh, envelopes)
                await batch.lock_watermarks()
                for record in fresh:
                    await batch.apply(record, park_because)
                await batch.finish()
        # Only what is committed has begun.
        self._begun.update((record.topic, record.partition) for record in records)
        for record in fresh:
            metrics.EVENT_AGE.labels(self.service).observe(max(0.0, time.time() - record.timestamp / 1000))
        self.applied += len(fresh)

    async def _take_offsets(
        self, connection: AsyncConnection, records: Sequence[ConsumerRecord[bytes, bytes]]
    ) -> list[ConsumerRecord[bytes, bytes]]:
        """Lock the partitions' offsets, leave out what was applied before, and move the offsets on."""
        by_partition: dict[tuple[str, int], list[ConsumerRecord[bytes, bytes]]] = defaultdict(list)
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
        fresh: list[ConsumerRecord[bytes, bytes]] = []
        following: list[int] = []
        for key in keys:
            new = [record for record in by_partition[key] if record.offset >= stored[key]]
            if new and new[0].offset > stored[key]:
                raise WrongOffset
            fresh += new
            following.append(new[-1].offset + 1 if new else stored[key])
        await connection.execute(_MOVE_OFFSETS, where | {"following": following})
        return fresh


class _Batch:
    """One transaction over some records."""

    def __init__(
        self,
        consumer: Consumer,
        connection: AsyncConnection,
        records: Sequence[ConsumerRecord[bytes, bytes]],
        envelopes: dict[tuple[str, int, int], Envelope | str],
    ) -> None:
        self._consumer = consumer
        self._connection = connection
        self._records = records
        self._envelopes = envelopes
        self._work = consumer.works.over(consumer.database.store(connection))
        self._watermarks: dict[tuple[str, str], int] = {}
        self._moved: set[tuple[str, str]] = set()
        self._parked: set[tuple[str, str]] = set()

    async def lock_watermarks(self) -> None:
        """Lock, in one order for everybody, the watermarks of all aggregates of the batch."""
        keys = sorted(
            {
                (record.topic, envelope.aggregate_id)
                for record in self._records
                if isinstance(envelope := self._envelope(record), Envelope)
            }
        )
        if not keys:
            return
        given = {"topics": [topic for topic, _ in keys], "aggregates": [aggregate for _, aggregate in keys]}
        rows = list(await self._connection.execute(_LOCK_WATERMARKS, given))
        self._watermarks = {(row.topic, row.aggregate_id): row.version for row in rows}
        self._parked = {(row.topic, row.aggregate_id) for row in rows if row.parked}

    async def apply(self, record: ConsumerRecord[bytes, bytes], park_because: str | None) -> None:
        """Apply one record, or skip it, or park it."""
        envelope = self._envelope(record)
        if not isinstance(envelope, Envelope):
            await self._park(record, None, envelope)
            return
        key = (record.topic, envelope.aggregate_id)
        last = self._watermarks[key]
        if envelope.version <= last:
            self._count("skipped")
        elif park_because is not None:
            await self._park(record, envelope, park_because)
        elif key in self._parked:
            await self._park(record, envelope, "an earlier event of the aggregate is parked")
        elif envelope.version > last + 1:
            await self._park(record, envelope, f"versions {last + 1} to {envelope.version - 1} are missing")
        else:
            await self._handle(record, envelope)
            self._watermarks[key] = envelope.version
            self._moved.add(key)

    async def _handle(self, record: ConsumerRecord[bytes, bytes], envelope: Envelope) -> None:
        kind = self._consumer.subscription.messages.get(envelope.type)
        if kind is None:
            self._count("not_handled")
            return
        event = kind.FromString(record.value or b"")
        if not is_sampled(envelope.traceparent):
            await self._run_handlers(event, envelope)
        else:
            name = f"handle {envelope.type.rsplit('.', 1)[-1]}"
            parent = context_from({"traceparent": envelope.traceparent or ""})
            with span(name, SpanKind.CONSUMER, parent=parent, attributes={"messaging.destination.name": record.topic}):
                await self._run_handlers(event, envelope)
                # Its changes are saved under its own span; other events' are saved together when the batch ends.
                await self._work.flush()
        self._count("applied")

    async def _run_handlers(self, event: Message, envelope: Envelope) -> None:
        consumer = self._consumer
        for project in consumer.subscription.projections.get(envelope.type, ()):
            await project(event, envelope, self._work)
        for react in consumer.subscription.reactions.get(envelope.type, ()):
            commands = react(event, envelope)
            for command in commands if isinstance(commands, list | tuple) else [commands]:
                if command is not None:
                    await consumer.use_cases.handler_for(command)(command, self._work, consumer.clock)

    async def finish(self) -> None:
        """Save what the handlers changed, and the watermarks."""
        await self._work.flush()
        keys = sorted(self._moved)
        if keys:
            given = {"topics": [topic for topic, _ in keys], "aggregates": [aggregate for _, aggregate in keys]}
            versions = {
                "versions": [self._watermarks[key] for key in keys],
                "parked": [k in self._parked for k in keys],
            }
            await self._connection.execute(_MOVE_WATERMARKS, given | versions)

    async def _park(self, record: ConsumerRecord[bytes, bytes], envelope: Envelope | None, reason: str) -> None:
        aggregate = envelope.aggregate_id if envelope else (record.key or b"").decode(errors="replace") or None
        await self._connection.execute(
            insert(tables.parked)
            .values(
                topic=record.topic,
                partition=record.partition,
                record_offset=record.offset,
                key=record.key,
                aggregate_id=aggregate,
                version=envelope.version if envelope else None,
                headers=[[name, (value or b"").hex()] for name, value in record.headers],
                payload=record.value,
                reason=reason[:2000],
            )
            .on_conflict_do_nothing()
        )
        if aggregate is not None and (record.topic, aggregate) in self._watermarks:
            self._parked.add((record.topic, aggregate))
            self._moved.add((record.topic, aggregate))
        parked = await self._connection.scalar(select(func.count()).select_from(tables.parked))
        metrics.PARKED.labels(self._consumer.service).set(parked or 0)
        self._count("parked")

    def _envelope(self, record: ConsumerRecord[bytes, bytes]) -> Envelope | str:
        return self._envelopes[record.topic, record.partition, record.offset]

    def _count(self, outcome: str) -> None:
        metrics.RECORDS.labels(self._consumer.service, outcome).inc()


class _Seek(ConsumerRebalanceListener):  # type: ignore[misc]
    """Goes to the stored offsets whenever partitions are assigned."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        pass

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._consumer.seek(assigned)


def _envelope(record: ConsumerRecord[bytes, bytes]) -> Envelope | str:
    try:
        return envelope_from(record.headers, record.key)
    except BadEnvelope as error:
        return str(error)


async def _parse(message: Any) -> KafkaMessage:
    # FastStream's own parser fails on a header that is not UTF-8, and then passes the record by.
    return KafkaMessage(raw_message=message, body=b"", consumer=FAKE_CONSUMER)


async def _decode(_: KafkaMessage) -> bytes:
    return b""


def _pause(failures: int) -> float:
    least, most = _BACK_OFF_SECONDS
    return float(min(most, least * 2**failures) * random.uniform(0.5, 1))
