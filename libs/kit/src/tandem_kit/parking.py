"""Events that are set aside: the table `parked` is this service's dead-letter queue.

What is parked stays, in order, until an operator replays or discards it; a row that was settled stays too, as the
record of who settled it, how, and why.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from aiokafka import ConsumerRecord
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import DecodeError
from sqlalchemy import Row, and_, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tandem_kit.cloudevents import MOST_CHARACTERS, BadEnvelope, envelope_from
from tandem_kit.domain import NotFound, Rule, refuse_unless
from tandem_kit.handlers import Subscription
from tandem_kit.tables import parked as t

earlier_events_wait = Rule(
    "earlier_events_wait",
    en="Event {first} of the same aggregate comes first: replay or discard that one.",
    fr="L'événement {first} du même agrégat vient d'abord : rejouez-le ou abandonnez-le.",
)


class ParkedKind(StrEnum):
    """Why an event is set aside."""

    UNREADABLE = "unreadable"
    FAILED = "failed"
    GAP = "gap"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """A row of the table, as an operator sees it."""

    id: int
    topic: str
    partition: int
    offset: int
    aggregate_id: str
    version: int | None
    type: str
    kind: ParkedKind
    reason: str
    parked_at: datetime


_WAITS = t.c.settled_at.is_(None)


def _plain(value: str) -> str:
    # PostgreSQL's text holds no NUL.
    return value.replace("\0", "")


async def park(
    connection: AsyncConnection, record: "ConsumerRecord[bytes, bytes]", kind: ParkedKind, reason: str
) -> None:
    """Set a record aside, whatever it is; a second time changes nothing."""
    try:
        envelope = envelope_from(record.headers, record.key)
        aggregate, version, type_ = envelope.aggregate_id, envelope.version, envelope.type
    except BadEnvelope:
        aggregate, version, type_ = (record.key or b"").decode(errors="replace"), None, ""
    await connection.execute(
        insert(t)
        .values(
            topic=record.topic,
            partition=record.partition,
            record_offset=record.offset,
            key=record.key,
            # An index holds it; the key itself is kept whole.
            aggregate_id=_plain(aggregate)[:MOST_CHARACTERS],
            version=version,
            type=_plain(type_),
            headers=[[_plain(name), (value or b"").hex()] for name, value in record.headers],
            payload=record.value,
            kind=kind,
            reason=_plain(reason)[:2000],
        )
        .on_conflict_do_nothing()
    )


async def has_parked(connection: AsyncConnection, topic: str, aggregate: str) -> bool:
    """Tell whether an event of this aggregate is set aside."""
    query = select(t.c.id).where(t.c.topic == topic, t.c.aggregate_id == aggregate, _WAITS).limit(1)
    return (await connection.execute(query)).first() is not None


async def counts(connection: AsyncConnection) -> tuple[dict[ParkedKind, int], float]:
    """Return how many wait by kind, and the age of the oldest in seconds."""
    query = select(t.c.kind, func.count(), func.extract("epoch", func.now() - func.min(t.c.parked_at)))
    rows = list(await connection.execute(query.where(_WAITS).group_by(t.c.kind)))
    return {ParkedKind(row[0]): row[1] for row in rows}, max((float(row[2]) for row in rows), default=0.0)


async def page(connection: AsyncConnection, after: int, limit: int) -> list[ParkedEvent]:
    """Return the events that wait, after an id."""
    rows = await connection.execute(select(t).where(_WAITS, t.c.id > after).order_by(t.c.id).limit(limit))
    return [_event_of(row) for row in rows]


async def waiting(connection: AsyncConnection, aggregate: str) -> list[Row[Any]]:
    """Return what waits (of one aggregate, or of all): aggregate by aggregate, what has no version first."""
    query = select(t.c.id, t.c.topic, t.c.aggregate_id, t.c.version).where(_WAITS)
    if aggregate:
        query = query.where(t.c.aggregate_id == aggregate)
    return list(
        await connection.execute(query.order_by(t.c.topic, t.c.aggregate_id, t.c.version.nulls_first(), t.c.id))
    )


async def locked(connection: AsyncConnection, key: int) -> Row[Any] | None:
    """Return a row that waits, locked until the transaction ends."""
    return (await connection.execute(select(t).where(t.c.id == key, _WAITS).with_for_update())).first()


def record_of(row: Row[Any]) -> "ConsumerRecord[bytes, bytes]":
    """Return the record as it was read."""
    return ConsumerRecord(
        topic=row.topic,
        partition=row.partition,
        offset=row.record_offset,
        timestamp=int(row.parked_at.timestamp() * 1000),
        timestamp_type=0,
        key=row.key,
        value=row.payload,
        checksum=None,
        serialized_key_size=len(row.key or b""),
        serialized_value_size=len(row.payload or b""),
        headers=tuple((name, bytes.fromhex(value)) for name, value in row.headers),
    )


async def settle(connection: AsyncConnection, key: int, how: str, by: str, why: str = "") -> None:
    """Note that an event is replayed or discarded, and by whom."""
    settled = {"settled_at": func.now(), "settled_how": how, "settled_by": by, "settled_why": why}
    await connection.execute(update(t).where(t.c.id == key).values(settled))


async def note_reason(connection: AsyncConnection, key: int, reason: str) -> None:
    """Note why an event could not be replayed."""
    await connection.execute(update(t).where(t.c.id == key).values(reason=_plain(reason)[:2000]))


_PASS_BY = text("""
    INSERT INTO watermarks AS w (topic, aggregate_id, version) VALUES (:topic, :aggregate, :version)
        ON CONFLICT (topic, aggregate_id) DO UPDATE SET version = greatest(w.version, excluded.version)
""")
_PASS_GAP = text("""
    INSERT INTO watermarks AS w (topic, aggregate_id, version)
    SELECT topic, aggregate_id, min(version) - 1 FROM parked
     WHERE aggregate_id = :aggregate AND version IS NOT NULL AND settled_at IS NULL GROUP BY topic, aggregate_id
        ON CONFLICT (topic, aggregate_id) DO UPDATE SET version = greatest(w.version, excluded.version)
""")


async def pass_gap(connection: AsyncConnection, aggregate: str) -> None:
    """Let an aggregate's watermark pass by what never came, up to the first event that waits."""
    await connection.execute(_PASS_GAP, {"aggregate": aggregate})


async def discard(connection: AsyncConnection, key: int, by: str, why: str) -> int:
    """Give an event up, and let the watermark pass it by; return how many of its aggregate still wait."""
    row = await locked(connection, key)
    if row is None:
        raise NotFound("ParkedEvent", key)
    same = (t.c.topic == row.topic, t.c.aggregate_id == row.aggregate_id, _WAITS)
    if row.version is not None:
        unread = and_(t.c.version.is_(None), t.c.partition == row.partition, t.c.record_offset < row.record_offset)
        earlier = select(t.c.id).where(*same, or_(t.c.version < row.version, unread))
        first = await connection.scalar(earlier.order_by(t.c.version.nulls_first(), t.c.id).limit(1))
        refuse_unless(first is None, earlier_events_wait, first=first)
        given = {"topic": row.topic, "aggregate": row.aggregate_id, "version": row.version}
        await connection.execute(_PASS_BY, given)
    await settle(connection, key, "discarded", by, why)
    left = await connection.scalar(select(func.count()).select_from(t).where(*same))
    return left or 0 if row.aggregate_id else 0


async def shown(
    connection: AsyncConnection, key: int, subscription: Subscription
) -> tuple[ParkedEvent, list[tuple[str, str]], str]:
    """Return an event with its headers as text, and its message as JSON where that can be read."""
    row = (await connection.execute(select(t).where(t.c.id == key, _WAITS))).first()
    if row is None:
        raise NotFound("ParkedEvent", key)
    headers = [(name, bytes.fromhex(value).decode(errors="replace")) for name, value in row.headers]
    kind = subscription.messages.get(row.type)
    payload = ""
    if kind is not None and row.payload is not None:
        try:
            payload = MessageToJson(kind.FromString(row.payload), preserving_proto_field_name=True)
        except DecodeError:
            payload = ""
    return _event_of(row), headers, payload


def _event_of(row: Row[Any]) -> ParkedEvent:
    return ParkedEvent(
        row.id,
        row.topic,
        row.partition,
        row.record_offset,
        row.aggregate_id,
        row.version,
        row.type,
        ParkedKind(row.kind),
        row.reason,
        row.parked_at,
    )
