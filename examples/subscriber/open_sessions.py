"""An intranet's list of the group sessions that one can still register for, kept from Tandem's events.

python open_sessions.py localhost:9092 sessions.db
"""

import sqlite3
import sys
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from tandem.sessions.v1 import events_pb2, types_pb2

TOPIC = "tandem.sessions.mentoring-session.v1"
TABLES = """
    CREATE TABLE IF NOT EXISTS open_sessions
        (id TEXT PRIMARY KEY, site TEXT, module TEXT, starts_at TEXT, seats INTEGER);
    CREATE TABLE IF NOT EXISTS versions (subject TEXT PRIMARY KEY, version INTEGER);
    CREATE TABLE IF NOT EXISTS offsets (part INTEGER PRIMARY KEY, next INTEGER);
"""


def apply(database: sqlite3.Connection, headers: dict[str, str], value: bytes) -> None:
    """Change the list as one event says; an event that was applied before changes nothing."""
    subject, version = headers["ce_subject"], int(headers["ce_aggregateversion"])
    seen = database.execute("SELECT version FROM versions WHERE subject = ?", [subject]).fetchone() or (0,)
    if version <= seen[0]:
        return
    if version > seen[0] + 1:
        raise RuntimeError(f"{subject}: version {seen[0] + 1} never came")
    match headers["ce_type"].rpartition(".")[2]:
        case "SessionScheduled":
            event = events_pb2.SessionScheduled.FromString(value)
            if event.format == types_pb2.SESSION_FORMAT_COLLECTIVE:
                row = [subject, event.site, event.module, event.starts_at.ToJsonString(), event.seats]
                database.execute("INSERT INTO open_sessions VALUES (?, ?, ?, ?, ?)", row)
        case "SessionRescheduled":
            event = events_pb2.SessionRescheduled.FromString(value)
            starts_at = event.starts_at.ToJsonString()
            database.execute("UPDATE open_sessions SET starts_at = ? WHERE id = ?", [starts_at, subject])
        case "RegistrationConfirmed":
            database.execute("UPDATE open_sessions SET seats = seats - 1 WHERE id = ?", [subject])
        case "SessionCancelled" | "SessionHeld":
            database.execute("DELETE FROM open_sessions WHERE id = ?", [subject])
        # Any other type, also one that does not exist yet, is passed by; its version counts all the same.
    database.execute("INSERT OR REPLACE INTO versions VALUES (?, ?)", [subject, version])


def follow(kafka: str, file: str, until_idle_ms: float = float("inf")) -> None:
    """Read on where the database says; what an event changes and the place in the topic are saved together."""
    # No group: the offsets are ours, in the same transaction as the list.
    reading = KafkaConsumer(bootstrap_servers=kafka, consumer_timeout_ms=until_idle_ms)
    with closing(sqlite3.connect(file)) as database, closing(reading) as consumer:
        database.executescript(TABLES)
        parts = [TopicPartition(TOPIC, number) for number in sorted(consumer.partitions_for_topic(TOPIC))]
        consumer.assign(parts)
        saved = dict(database.execute("SELECT part, next FROM offsets"))
        for part in parts:
            consumer.seek(part, saved.get(part.partition, 0))
        for record in consumer:
            with database:
                apply(database, {name: value.decode() for name, value in record.headers}, record.value)
                place = [record.partition, record.offset + 1]
                database.execute("INSERT OR REPLACE INTO offsets VALUES (?, ?)", place)


if __name__ == "__main__":
    follow(*sys.argv[1:3])
