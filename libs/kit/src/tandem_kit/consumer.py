"""Applies the events of neighbours: every one once, in order for its aggregate, none lost.

Polling is aiokafka's; what counts as done is ours. The next offset of each partition, the watermark (last applied
version) of each aggregate, what the handlers changed and the events they recorded commit in one transaction of this
service's database. Kafka's own committed offsets only serve tools that show the lag.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from opentelemetry.trace import SpanKind
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tandem_kit import metrics, parking, tables
from tandem_kit.batch import Batch, Handling, Poison, Record, WrongOffset, traceparent_of
from tandem_kit.handlers import Subscription
from tandem_kit.logs import get_log
from tandem_kit.parking import ParkedKind
from tandem_kit.postgres import is_transient
from tandem_kit.tracing import is_sampled, link_to, span
from tandem_kit.work import PARTITIONS

# How soon a consumer without records sees that it has to stop.
_POLL_MS = 250
_MAX_POLL_MS = 300_000
_BACK_OFF_SECONDS = (0.1, 5.0)
# How often a consumer compares where it is with its database, and tells Kafka, for tools that show the lag.
_LOOK_AROUND_SECONDS = 1.0
# To leave the group, and close the connections.
_CLOSE_SECONDS = 10.0
# Outcomes before a share of them means anything.
_ENOUGH_TO_JUDGE = 100
# Rounds without any progress, after which it is no passing fault any more.
_FAILURES_THAT_HALT = 10


Place: TypeAlias = tuple[str, int, int]
"""Of a record: topic, partition, offset."""


class Halt(Exception):  # noqa: N818
    """Reading on would do harm; a person has to look. Tried again all the same, in case the fault has been mended."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(hint)
        self.reason = reason


class Flood:
    """Tells a flood of poison from a poisoned event: then parking would set everything aside."""

    def __init__(self, in_a_row: int, share: float) -> None:
        self._in_a_row = in_a_row
        self._share = share
        self._run = 0
        self._last: deque[bool] = deque(maxlen=1000)
        self._halted_at: Place | None = None

    def note(self, applied: Iterable[Place], parked: int) -> None:
        """These were applied, and so many parked behind earlier ones."""
        applied = list(applied)
        if self._halted_at in applied:
            self._halted_at = None
        if applied and self._halted_at is None:
            self._run = 0
        self._last.extend([False] * min(len(applied), 1000) + [True] * min(parked, 1000))

    def parked(self) -> None:
        """One more is parked, as the first of its aggregate."""
        self._run += 1
        self._last.append(True)

    def check(self, at: Place) -> None:
        """Allow that this record is parked, or raise `Halt`. After a halt none is, until that record is applied."""
        many = len(self._last) >= _ENOUGH_TO_JUDGE and sum(self._last) > self._share * len(self._last)
        if self._halted_at is not None or self._run >= self._in_a_row or many:
            self._halted_at = self._halted_at or at
            raise Halt("flood", "too many events cannot be applied; look at tandem parked list")


class Unassigned(Exception):  # noqa: N818
    """The group has not said for too many seconds which partitions are the consumer's."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a consumer waits for what, in seconds."""

    session: float = 10.0
    """Without a heartbeat, until Kafka gives its partitions to another."""
    unassigned: float = 60.0
    """Without a word of the group, until it joins anew: aiokafka may wait for ever after a rebalance that it missed."""
    halt: float = 30.0
    """Between two looks whether a halted consumer can go on."""


class Consumer:
    """Reads the subscribed topics for one consumer group, and decides what is done."""

    def __init__(
        self, handling: Handling, kafka: str, group: str, batch_records: int, flood: Flood, patience: Patience
    ) -> None:
        self._handling = handling
        self._kafka = kafka
        self._group = group
        self._batch_records = batch_records
        self._flood = flood
        self._patience = patience
        self._stopping = asyncio.Event()
        self._ends: AIOKafkaConsumer | None = None
        self._asking = asyncio.Lock()
        self.applied = 0
        """Records applied or skipped since the start."""

    @property
    def subscription(self) -> Subscription:
        return self._handling.subscription

    async def run(self) -> None:
        """Join the group and read until told to stop; after any failure drop the connection, back off, join again."""
        service, failures = self._handling.service, 0
        while not self._stopping.is_set():
            applied = self.applied
            try:
                await self._read()
            except Halt as halt:
                get_log().error("consumer_halted", reason=halt.reason, hint=str(halt))
                halted = metrics.CONSUMER_HALTED.labels(service, halt.reason)
                halted.set(1)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._patience.halt)
                halted.set(0)
            except Exception as error:  # noqa: BLE001 - aiokafka raises many kinds; the events still have to be read
                failures = 0 if self.applied > applied else failures + 1
                get_log().warning("consumer_failed", error=repr(error))
                metrics.CONSUMER_HALTED.labels(service, "failing").set(failures >= _FAILURES_THAT_HALT)
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
            session_timeout_ms=int(self._patience.session * 1000),
            heartbeat_interval_ms=int(self._patience.session * 1000 / 3),
        )
        try:
            await kafka.start()
            await self._wait_for_topics(kafka)
            # Not before the start, which would wait without end for partitions to be assigned.
            seeker = _Seek(self, kafka)
            kafka.subscribe(sorted(self._handling.subscription.topics), listener=seeker)
            assigned_at = looked_at = time.monotonic()
            while not self._stopping.is_set():
                if seeker.joined:
                    assigned_at = time.monotonic()
                elif time.monotonic() > assigned_at + self._patience.unassigned:
                    raise Unassigned(self._patience.unassigned)
                try:
                    records = await self._poll(kafka)
                except NoOffsetForPartitionError:
                    # It fetched before it was told where; the group has never committed there.
                    await self.seek(kafka, kafka.assignment())
                    continue
                except OffsetOutOfRangeError as error:
                    hint = f"Kafka no longer has what comes next: tandem rebuild {self._handling.service}. {error}"
                    raise Halt("offset_gone", hint) from error
                if records:
                    await self._apply(kafka, records)
                if time.monotonic() > looked_at + _LOOK_AROUND_SECONDS:
                    with suppress(Exception):
                        await asyncio.wait_for(self._look_around(kafka), _LOOK_AROUND_SECONDS)
                    looked_at = time.monotonic()
        finally:
            # Not cancelled when it takes longer: it would leave its connections open.
            closing = asyncio.ensure_future(kafka.stop())
            closing.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.wait([closing], timeout=_CLOSE_SECONDS)

    async def _wait_for_topics(self, kafka: AIOKafkaConsumer) -> None:
        """Wait until the topics exist: who subscribes to others than these is told of them minutes later."""
        deadline = time.monotonic() + self._patience.unassigned
        while missing := self._handling.subscription.topics - await kafka.topics():
            if self._stopping.is_set():
                return
            if time.monotonic() > deadline:
                raise Halt("topic_missing", f"Kafka has no {', '.join(sorted(missing))}: tandem topics apply.")
            await asyncio.sleep(_BACK_OFF_SECONDS[0])

    async def _poll(self, kafka: AIOKafkaConsumer) -> list[Record]:
        """Return the next records, none after a while, or when told to stop.

        While the group is rebalanced aiokafka waits without regard to its own time-out, and may do so for ever.
        """
        polling = asyncio.ensure_future(kafka.getmany(timeout_ms=_POLL_MS, max_records=self._batch_records))
        told = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({polling, told}, timeout=self._patience.unassigned, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                return [record for of_partition in polling.result().values() for record in of_partition]
            if told.done():
                return []
            raise Unassigned(self._patience.unassigned)
        finally:
            polling.cancel()
            told.cancel()

    async def unread(self, connection: AsyncConnection) -> int:
        """Return how many records on the subscribed topics are not applied yet, whether or not this consumer reads."""
        topics = self._handling.subscription.topics
        partitions = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        async with self._asking:
            if self._ends is None:
                # A consumer of its own: on the first one's connection the question waits behind a long poll (0.5 s).
                asker = AIOKafkaConsumer(bootstrap_servers=self._kafka)
                try:
                    await asker.start()
                except Exception:
                    await asker.stop()
                    raise
                self._ends = asker
        ends: dict[TopicPartition, int] = await self._ends.end_offsets(partitions)
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
                if is_transient(error) and time.monotonic() < deadline and not self._stopping.is_set():
                    get_log().warning("batch_waits", error=repr(error), records=len(records))
                    await asyncio.sleep(_pause(failures))
                    failures += 1
                    continue
                get_log().warning("batch_failed", error=repr(error), records=len(records))
                try:
                    if not is_transient(error):
                        await self._one_by_one(records)
                finally:
                    await self._seek_back(kafka, records)
                outcome = "failed"
        metrics.HANDLE_SECONDS.labels(self._handling.service, outcome).observe(time.perf_counter() - started)

    async def _look_around(self, kafka: AIOKafkaConsumer) -> None:
        """Go back where the database was restored to an earlier point; tell Kafka where we are, and what is parked."""
        async with self._handling.database.engine.connect() as connection:
            stored = await self.stored_offsets(connection)
            counts, oldest = await parking.counts(connection)
        for at in kafka.assignment():
            if stored.get(at, 0) < await kafka.position(at):
                kafka.seek(at, stored.get(at, 0))
        for kind in ParkedKind:
            metrics.PARKED.labels(self._handling.service, kind.value).set(counts.get(kind, 0))
        metrics.PARKED_OLDEST.labels(self._handling.service).set(oldest)
        metrics.CONSUMER_HALTED.labels(self._handling.service, "failing").set(0)
        await kafka.commit()

    async def _seek_back(self, kafka: AIOKafkaConsumer, records: Sequence[Record]) -> None:
        """Go back, however long the database is away: Kafka's position is past these records already."""
        failures = 0
        # When it stops, the next to read begins at the stored offset anyway.
        while not self._stopping.is_set():
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
                self._flood.check((record.topic, record.partition, record.offset))
                get_log().exception(
                    "event_parked", topic=record.topic, partition=record.partition, offset=record.offset
                )
                await self._commit([record], poison=_poison_of(error))
                self._flood.parked()

    async def replay(self, aggregate: str, by: str, *, past_gap: bool = False) -> tuple[int, int]:
        """Apply what is parked (of one aggregate, or of all where it is empty), in order, as far as it goes.

        With `past_gap`, an aggregate's missing versions are given up first. Return how many were applied, and how many
        still wait. Each event commits on its own: whatever stops this, what was applied stays applied.
        """
        engine = self._handling.database.engine
        if past_gap:
            async with engine.begin() as connection:
                await parking.pass_gap(connection, aggregate)
        replayed = 0
        while moved := await self._replay_round(aggregate, by):
            replayed += moved
        async with engine.connect() as connection:
            return replayed, len(await parking.waiting(connection, aggregate))

    async def _replay_round(self, aggregate: str, by: str) -> int:
        engine = self._handling.database.engine
        replayed, held = 0, set[tuple[str, str]]()
        async with engine.connect() as connection:
            rows = await parking.waiting(connection, aggregate)
        for row in rows:
            key = (row.topic, row.aggregate_id)
            if key in held:
                continue
            try:
                async with engine.begin() as connection:
                    replayed += await self._replay_one(connection, row.id, by)
            except Exception as error:
                if is_transient(error):
                    raise
                # What has no version may be no part of the sequence: it holds nobody up.
                if row.version is not None:
                    held.add(key)
                async with engine.begin() as connection:
                    await parking.note_reason(connection, row.id, str(_poison_of(error)))
        return replayed

    async def _replay_one(self, connection: AsyncConnection, key: int, by: str) -> int:
        row = await parking.locked(connection, key)
        if row is None:
            return 0
        record = parking.record_of(row)
        batch = Batch(self._handling, connection)
        await batch.open([record])
        await batch.replay(record)
        await batch.finish()
        await parking.settle(connection, key, "replayed", by)
        return 1

    async def _commit(self, records: Sequence[Record], poison: Poison | None = None) -> None:
        links = [link_to(parent) for parent in map(traceparent_of, records) if parent and is_sampled(parent)]
        with span(
            "apply batch", SpanKind.CONSUMER, links=links, attributes={"messaging.batch.message_count": len(records)}
        ):
            async with self._handling.database.engine.connect() as connection, connection.begin():
                batch = Batch(self._handling, connection)
                fresh = await batch.take(self._group, records)
                if poison is None:
                    applied = [record for record in fresh if await batch.apply(record)]
                else:
                    applied = []
                    for record in fresh:
                        await batch.park(record, poison.kind, str(poison))
                await batch.finish()
        for record in fresh:
            metrics.EVENT_AGE.labels(self._handling.service).observe(max(0.0, time.time() - record.timestamp / 1000))
        self.applied += len(fresh)
        if poison is None:
            places = [(record.topic, record.partition, record.offset) for record in applied]
            self._flood.note(places, len(fresh) - len(applied))


class _Seek(ConsumerRebalanceListener):  # type: ignore[misc]
    """Goes to the stored offsets whenever partitions are assigned."""

    def __init__(self, consumer: Consumer, kafka: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._kafka = kafka
        self.joined = False
        """Whether the group has said which partitions are ours, be it none: so it says to a standby."""

    async def on_partitions_revoked(self, _: set[TopicPartition]) -> None:
        self.joined = False

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.joined = True
        await self._consumer.seek(self._kafka, assigned)


def _poison_of(error: Exception) -> Poison:
    return error if isinstance(error, Poison) else Poison(ParkedKind.FAILED, repr(error))


def _pause(failures: int) -> float:
    least, most = _BACK_OFF_SECONDS
    return float(min(most, least * 2**failures) * random.uniform(0.5, 1))
