"""One transaction over some records: each is applied, skipped, or parked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiokafka import ConsumerRecord
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tandem_kit import metrics, parking
from tandem_kit.cloudevents import BadEnvelope, Envelope, envelope_from
from tandem_kit.domain import Clock
from tandem_kit.handlers import Subscription, UseCases
from tandem_kit.parking import ParkedKind
from tandem_kit.postgres import PostgresDatabase
from tandem_kit.tracing import context_from, is_sampled, span
from tandem_kit.work import Works

Record: TypeAlias = ConsumerRecord[bytes, bytes]

# Moves each partition's offset past the records of the batch, and tells where it was. It stays locked until the end.
_TAKE_OFFSETS = text("""
    INSERT INTO consumer_offsets AS o (consumer_group, topic, partition, next_offset)
    SELECT :group, topic, partition, following
      FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:following AS bigint[]))
           AS given (topic, partition, following)
     ORDER BY topic, partition
        ON CONFLICT (consumer_group, topic, partition)
        DO UPDATE SET next_offset = greatest(o.next_offset, excluded.next_offset)
    RETURNING o.topic, o.partition, coalesce(old.next_offset, 0) AS stored
""")
# The same for each aggregate: past its last version in the batch; `_SET_BACK` mends what was parked instead.
_TAKE_WATERMARKS = text("""
    INSERT INTO watermarks AS w (topic, aggregate_id, version)
    SELECT topic, aggregate, version
      FROM unnest(CAST(:topics AS text[]), CAST(:aggregates AS text[]), CAST(:versions AS int[]))
           AS given (topic, aggregate, version)
     ORDER BY topic, aggregate
        ON CONFLICT (topic, aggregate_id) DO UPDATE SET version = greatest(w.version, excluded.version)
    RETURNING w.topic, w.aggregate_id, w.version AS moved_to, coalesce(old.version, 0) AS last
""")
_SET_BACK = text("""
    UPDATE watermarks w SET version = given.version
      FROM unnest(CAST(:topics AS text[]), CAST(:aggregates AS text[]), CAST(:versions AS int[]))
           AS given (topic, aggregate, version)
     WHERE w.topic = given.topic AND w.aggregate_id = given.aggregate
""")


class Poison(Exception):  # noqa: N818
    """A record that has to be set aside, of which kind, and why."""

    def __init__(self, kind: ParkedKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class WrongOffset(Exception):  # noqa: N818
    """The stored offset is not where this batch begins: read again from there."""


@dataclass(frozen=True, slots=True)
class Handling:
    """What a service does with events, and where."""

    service: str
    subscription: Subscription
    use_cases: UseCases
    works: Works[Any]
    database: PostgresDatabase
    clock: Clock


class Batch:
    """One transaction over some records."""

    def __init__(self, handling: Handling, connection: AsyncConnection) -> None:
        self._handling = handling
        self._connection = connection
        self._work = handling.works.over(handling.database.store(connection))
        self._envelopes: dict[tuple[str, int, int], Envelope | str] = {}
        self._watermarks: dict[tuple[str, str], int] = {}
        self._moved_to: dict[tuple[str, str], int] = {}

    async def take(self, group: str, records: Sequence[Record]) -> list[Record]:
        """Return the records that this group has not applied yet, after locking what they need and moving on past them.

        `WrongOffset` where earlier ones than these are still to be applied.
        """
        by_partition: dict[tuple[str, int], list[Record]] = defaultdict(list)
        for record in records:
            by_partition[record.topic, record.partition].append(record)
        keys = sorted(by_partition)
        given = {
            "group": group,
            "topics": [topic for topic, _ in keys],
            "partitions": [partition for _, partition in keys],
            "following": [by_partition[key][-1].offset + 1 for key in keys],
        }
        fresh: list[Record] = []
        for row in await self._connection.execute(_TAKE_OFFSETS, given):
            new = [record for record in by_partition[row.topic, row.partition] if record.offset >= row.stored]
            if new and new[0].offset > row.stored:
                raise WrongOffset
            fresh += new
        await self.open(fresh)
        return fresh

    async def open(self, records: Sequence[Record]) -> None:
        """Read the records' headers, and lock their aggregates' watermarks."""
        self._envelopes = {_key(record): _envelope_of(record) for record in records}
        versions: dict[tuple[str, str], int] = {}
        for (topic, _, _), envelope in self._envelopes.items():
            if isinstance(envelope, Envelope):
                key = topic, envelope.aggregate_id
                versions[key] = max(envelope.version, versions.get(key, 0))
        if versions:
            for row in await self._connection.execute(_TAKE_WATERMARKS, _arrays(versions)):
                self._watermarks[row.topic, row.aggregate_id] = row.last
                self._moved_to[row.topic, row.aggregate_id] = row.moved_to

    async def apply(self, record: Record) -> bool:
        """Apply one record, or skip it; or park it behind an earlier one that is parked (False).

        `Poison` where it would be the first of its aggregate to be parked.
        """
        envelope = self._envelope(record)
        key = (record.topic, envelope.aggregate_id)
        last = self._watermarks[key]
        if envelope.version <= last:
            self._count("skipped")
        elif envelope.version == last + 1:
            await self._handle(record, envelope)
            self._watermarks[key] = envelope.version
        else:
            reason = f"version {last + 1} has not been applied"
            if not await parking.has_parked(self._connection, *key):
                raise Poison(ParkedKind.GAP, reason)
            await self.park(record, ParkedKind.WAITING, reason)
            return False
        return True

    async def replay(self, record: Record) -> None:
        """Apply a record that was parked; `Poison` where it has still to wait."""
        envelope = self._envelope(record)
        key = (record.topic, envelope.aggregate_id)
        last = self._watermarks[key]
        if envelope.version > last + 1:
            raise Poison(ParkedKind.WAITING, f"version {last + 1} has not been applied")
        if envelope.version == last + 1:
            await self._handle(record, envelope)
            self._watermarks[key] = envelope.version

    async def park(self, record: Record, kind: ParkedKind, reason: str) -> None:
        """Set a record aside."""
        await parking.park(self._connection, record, kind, reason)
        self._count("parked")

    def _envelope(self, record: Record) -> Envelope:
        envelope = self._envelopes[_key(record)]
        if isinstance(envelope, Envelope):
            return envelope
        raise Poison(ParkedKind.UNREADABLE, envelope)

    async def _handle(self, record: Record, envelope: Envelope) -> None:
        kind = self._handling.subscription.messages.get(envelope.type)
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
        handling = self._handling
        for project in handling.subscription.projections.get(envelope.type, ()):
            await project(event, envelope, self._work)
        for react in handling.subscription.reactions.get(envelope.type, ()):
            commands = react(event, envelope)
            for command in commands if isinstance(commands, list | tuple) else [commands]:
                if command is not None:
                    await handling.use_cases.handler_for(command)(command, self._work, handling.clock)

    async def finish(self) -> None:
        """Save what the handlers changed; a watermark ends where its aggregate's events were applied to."""
        await self._work.flush()
        back = {key: version for key, version in self._watermarks.items() if version != self._moved_to[key]}
        if back:
            await self._connection.execute(_SET_BACK, _arrays(back))

    def _count(self, outcome: str) -> None:
        metrics.RECORDS.labels(self._handling.service, outcome).inc()


def traceparent_of(record: Record) -> str | None:
    """Return the trace that a record belongs to, where its headers tell."""
    envelope = _envelope_of(record)
    return envelope.traceparent if isinstance(envelope, Envelope) else None


def _arrays(versions: Mapping[tuple[str, str], int]) -> dict[str, list[str] | list[int]]:
    return {
        "topics": [topic for topic, _ in versions],
        "aggregates": [aggregate for _, aggregate in versions],
        "versions": list(versions.values()),
    }


def _key(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def _envelope_of(record: Record) -> Envelope | str:
    try:
        return envelope_from(record.headers, record.key)
    except BadEnvelope as error:
        return str(error)
