"""An intranet's list of the group sessions that one can still register for, kept from Tandem's events."""

import sqlite3
import sys
from contextlib import closing

import grpc
from kafka import KafkaConsumer, TopicPartition

from tandem.sessions.v1 import events_pb2, types_pb2
from tandem.snapshots.v1 import service_pb2, service_pb2_grpc

TOPIC = "tandem.sessions.mentoring-session.v1"
TABLES = """
    CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, site TEXT, module TEXT, starts_at TEXT, seats INT);
    CREATE TABLE IF NOT EXISTS taken (id TEXT, person TEXT, PRIMARY KEY (id, person));
    CREATE VIEW IF NOT EXISTS open_sessions AS
        SELECT *, seats - (SELECT count(*) FROM taken WHERE taken.id = s.id) AS free FROM sessions AS s;
    CREATE TABLE IF NOT EXISTS versions (subject TEXT PRIMARY KEY, version INTEGER);
    CREATE TABLE IF NOT EXISTS offsets (part INTEGER PRIMARY KEY, next INTEGER);"""


def apply(database: sqlite3.Connection, key: str, version: int, type_: str, value: bytes, gaps: bool) -> None:
    """Change the list as one event says. Applied before, or of another type than these, it changes nothing."""
    (seen,) = database.execute("SELECT version FROM versions WHERE subject = ?", [key]).fetchone() or (0,)
    if version <= seen:
        return
    if version > seen + 1 and not gaps:
        raise RuntimeError(f"{key}: version {seen + 1} never came")
    kind = type_.rpartition(".")[2]
    event = getattr(events_pb2, kind).FromString(value) if hasattr(events_pb2, kind) else None
    match kind:
        case "SessionScheduled" if event.format == types_pb2.SESSION_FORMAT_COLLECTIVE:
            row = [key, event.site, event.module, event.starts_at.ToJsonString(), event.seats]
            database.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", row)
        case "SessionRescheduled":
            database.execute("UPDATE sessions SET starts_at = ? WHERE id = ?", [event.starts_at.ToJsonString(), key])
        case "RegistrationConfirmed" | "RegistrationPromoted":
            database.execute("INSERT INTO taken VALUES (?, ?)", [key, event.person_id])
        case "RegistrationCancelled":
            database.execute("DELETE FROM taken WHERE id = ? AND person = ?", [key, event.person_id])
        case "SessionCancelled" | "SessionHeld":
            database.execute("DELETE FROM sessions WHERE id = ?", [key])
    database.execute("INSERT OR REPLACE INTO versions VALUES (?, ?)", [key, version])


def begin(database: sqlite3.Connection, consumer: KafkaConsumer, service: str, token: str) -> None:
    """Note where the topic ends; then apply what the snapshot has. What both have is skipped by its version."""
    with grpc.insecure_channel(service) as channel, database:
        ends = consumer.end_offsets(consumer.assignment()).items()
        database.executemany("INSERT INTO offsets VALUES (?, ?)", [[part.partition, end] for part, end in ends])
        ask, who = service_pb2_grpc.SnapshotServiceStub(channel).GetSnapshot, [("authorization", f"Bearer {token}")]
        request = service_pb2.GetSnapshotRequest(topic=TOPIC, limit=500)
        while page := ask(request, timeout=30, metadata=who).aggregates:
            for subject, event in ((session.aggregate_id, event) for session in page for event in session.events):
                apply(database, subject, event.version, event.type, event.data, gaps=True)
            request.after = page[-1].aggregate_id


def follow(kafka: str, service: str, file: str, token: str, until_idle_ms: float = float("inf")) -> None:
    """Read on where the database says; what an event changes and the place in the topic are saved together."""
    # No group: the offsets are ours. One that the topic has forgotten is an error, never a jump.
    reading = KafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="none", consumer_timeout_ms=until_idle_ms)
    with closing(sqlite3.connect(file)) as database, closing(reading) as consumer:
        database.executescript(TABLES)
        consumer.assign([TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC)])
        if not database.execute("SELECT * FROM offsets").fetchone():
            begin(database, consumer, service, token)
        for part, place in database.execute("SELECT part, next FROM offsets").fetchall():
            consumer.seek(TopicPartition(TOPIC, part), place)
        for record in consumer:
            about, key = {name: value.decode() for name, value in record.headers}, record.key.decode()
            with database:
                apply(database, key, int(about["ce_aggregateversion"]), about["ce_type"], record.value, gaps=False)
                database.execute("UPDATE offsets SET next = ? WHERE part = ?", [record.offset + 1, record.partition])


if __name__ == "__main__":
    follow(*sys.argv[1:4], token=sys.stdin.read().strip())
