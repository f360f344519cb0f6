"""The tables that the kit keeps in every service's database, beside the service's own."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

MAX_PAYLOAD = 900_000
"""Bytes; below the topics' max.message.bytes of 1 MiB, with room for headers."""

KIT = MetaData()

outbox = Table(
    "outbox",
    KIT,
    # Within an aggregate, id order is version order: the writer of version n has read version n-1 committed, and a
    # sequence that caches nothing gives n the later id.
    Column("id", BigInteger, Identity(always=True, cache=1), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("site", Text),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("traceparent", Text),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("published_at", DateTime(timezone=True)),
    UniqueConstraint("topic", "aggregate_id", "version", name="outbox_version"),
    CheckConstraint(f"octet_length(payload) <= {MAX_PAYLOAD}", name="outbox_payload_size"),
    Index("outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
)

watermarks = Table(
    "watermarks",
    KIT,
    Column("topic", Text, primary_key=True),
    Column("aggregate_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
)

consumer_offsets = Table(
    "consumer_offsets",
    KIT,
    Column("consumer_group", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    # The next offset to apply.
    Column("next_offset", BigInteger, nullable=False),
)

parked = Table(
    "parked",
    KIT,
    Column("id", BigInteger, Identity(always=True, cache=1), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("record_offset", BigInteger, nullable=False),
    Column("key", LargeBinary),
    # The key where the headers cannot be read; empty where there is none.
    Column("aggregate_id", Text, nullable=False),
    Column("version", Integer),
    Column("type", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("payload", LargeBinary),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("parked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # An operator replayed or discarded it; the row stays as the record of that.
    Column("settled_at", DateTime(timezone=True)),
    Column("settled_how", Text),
    Column("settled_by", Text),
    Column("settled_why", Text),
    UniqueConstraint("topic", "partition", "record_offset", name="parked_record"),
    Index("parked_waiting", "topic", "aggregate_id", postgresql_where=text("settled_at IS NULL")),
)

timers = Table(
    "timers",
    KIT,
    Column("key", Text, primary_key=True),
    # In the programme's time.
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("command", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("traceparent", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # In the machine's time: a timer that met a fault waits until then.
    Column("retry_at", DateTime(timezone=True)),
    # The rule that refused the command; such a timer is kept, and not run again.
    Column("refused_by", Text),
    Index("timers_due", "due_at", postgresql_where=text("refused_by IS NULL")),
)

idempotency_keys = Table(
    "idempotency_keys",
    KIT,
    Column("caller", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
