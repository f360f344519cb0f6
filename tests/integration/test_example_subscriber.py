"""The subscriber of the tutorial, on records as Tandem writes them."""

import asyncio
import importlib.util
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.message import Message
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.errors import OffsetOutOfRangeError
from sqlalchemy import MetaData

from tandem.sessions.v1 import events_pb2 as events
from tandem.sessions.v1 import types_pb2 as types
from tandem.snapshots.v1 import service_pb2
from tandem_cli.settings import ROOT
from tandem_cli.stack.processes import free_port
from tandem_cli.tokens import Signer, make_signing_key
from tandem_kit import tables
from tandem_kit.clock import SystemClock
from tandem_kit.cloudevents import headers_of
from tandem_kit.policy import Grant, Role
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.rpc.callers import Callers
from tandem_kit.rpc.server import Rpc
from tandem_kit.snapshots import snapshots
from tandem_kit.work import PARTITIONS, OutboxRow, Topics, Work, Works, partition_of
from tandem_sessions.domain.mentoring_session import MentoringSession
from tests.conftest import Databases
from tests.integration.test_relay_and_consumer import make_topic

FILE = ROOT / "examples" / "subscriber" / "open_sessions.py"


def the_subscriber(topic: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("open_sessions", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.TOPIC = topic  # type: ignore[attr-defined]
    return module


@dataclass
class Tandem:
    """A topic, its owner with an outbox and a snapshot, and the subscriber."""

    kafka: str
    topic: str
    database: PostgresDatabase
    address: str
    token: str
    file: Path

    async def tells(self, session: UUID, *told: Message, first: int = 1) -> None:
        """Record events of a session, from this version on, and publish them."""
        await self.records(session, *told, first=first)
        for version, event in enumerate(told, first):
            await self.publishes(session, version, event)

    async def records(self, session: UUID, *told: Message, first: int = 1) -> None:
        async with self.database.transaction() as store:
            await store.record(
                [
                    OutboxRow(
                        topic=self.topic,
                        partition=partition_of(str(session).encode()),
                        aggregate_id=session,
                        version=version,
                        type=event.DESCRIPTOR.full_name,
                        payload=event.SerializeToString(),
                        site="lyon",
                        time=datetime(2026, 1, 5, tzinfo=UTC),
                        traceparent=None,
                    )
                    for version, event in enumerate(told, first)
                ]
            )

    async def publishes(self, session: UUID, version: int, event: Message) -> None:
        """Send a record, as the relay does: also one that was sent before."""
        await asyncio.to_thread(self._send, session, version, event)

    def _send(self, session: UUID, version: int, event: Message) -> None:
        key = str(session).encode()
        headers = headers_of(
            service="sessions",
            type_=event.DESCRIPTOR.full_name,
            aggregate_id=session,
            version=version,
            time=datetime(2026, 1, 5, tzinfo=UTC),
            site="lyon",
            traceparent=None,
        )
        producer = KafkaProducer(bootstrap_servers=self.kafka)
        producer.send(self.topic, event.SerializeToString(), key=key, partition=partition_of(key), headers=headers)
        producer.close()

    async def forgets(self) -> None:
        """Remove everything from the topic, as when its time has come."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        everything = {TopicPartition(self.topic, number): -1 for number in range(PARTITIONS)}
        await asyncio.to_thread(admin.delete_records, everything)
        admin.close()

    async def is_followed(self) -> None:
        """Run the subscriber until nothing comes any more."""
        follow = the_subscriber(self.topic).follow
        await asyncio.to_thread(follow, self.kafka, self.address, self.file, self.token, 2000)

    def listed(self) -> dict[str, int]:
        with sqlite3.connect(self.file) as database:
            return dict(database.execute("SELECT id, free FROM open_sessions"))


@pytest.fixture
async def tandem(kafka: str, databases: Databases, tmp_path: Path) -> AsyncIterator[Tandem]:
    topic = f"test.{uuid4().hex}"
    await asyncio.to_thread(make_topic, kafka, topic)
    async with databases.new() as url:
        database = PostgresDatabase(make_engine(url, 4), MetaData())
        async with database.engine.begin() as connection:
            await connection.run_sync(tables.KIT.create_all)
        topics, clock = Topics({MentoringSession: (topic, events)}), SystemClock()
        works, callers = Works(Work, database, clock, topics), Callers(make_signing_key(tmp_path))
        server = grpc.aio.server()
        rpc = Rpc("sessions", service_pb2, "SnapshotService", snapshots(topics), works, callers, clock)
        server.add_generic_rpc_handlers((rpc.handler,))
        address = f"127.0.0.1:{free_port()}"
        server.add_insecure_port(address)
        await server.start()
        token = Signer(tmp_path).sign("intranet", Grant(Role.SUBSCRIBER))
        yield Tandem(kafka, topic, database, address, token, tmp_path / "sessions.db")
        await server.stop(0)
        await database.engine.dispose()


def a_group_session() -> events.SessionScheduled:
    return events.SessionScheduled(format=types.SESSION_FORMAT_COLLECTIVE, site="lyon", module="networks", seats=15)


def registered(person: str | None = None) -> events.RegistrationConfirmed:
    return events.RegistrationConfirmed(person_id=person or str(uuid4()))


async def test_the_list_holds_what_can_be_registered_for_however_often_it_starts_anew(tandem: Tandem) -> None:
    open_, over, pairs_own = uuid4(), uuid4(), uuid4()
    await tandem.is_followed()
    await tandem.tells(open_, a_group_session(), registered())
    await tandem.tells(over, a_group_session())
    await tandem.tells(pairs_own, events.SessionScheduled(format=types.SESSION_FORMAT_ONE_TO_ONE, seats=1))
    await tandem.is_followed()
    assert tandem.listed() == {str(open_): 14, str(over): 15}
    # Sent again after a fault of ours, then a type that the subscriber does not know, and more.
    again = registered()
    await tandem.tells(open_, again, events.RegistrationWaitlisted(), first=3)
    await tandem.publishes(open_, 3, again)
    # Somebody who waited goes: no seat becomes free by that.
    await tandem.tells(open_, events.RegistrationCancelled(person_id=str(uuid4())), first=5)
    await tandem.tells(over, events.SessionCancelled(), first=2)
    await tandem.is_followed()
    assert tandem.listed() == {str(open_): 13}


async def test_who_comes_late_begins_with_the_snapshot(tandem: Tandem) -> None:
    open_, over = uuid4(), uuid4()
    await tandem.tells(open_, a_group_session(), registered())
    await tandem.tells(over, a_group_session(), events.SessionCancelled())
    await tandem.forgets()
    # Recorded, and published only when the snapshot has been read.
    third = registered()
    await tandem.records(open_, third, first=3)
    await tandem.is_followed()
    assert tandem.listed() == {str(open_): 13}
    await tandem.publishes(open_, 3, third)
    await tandem.tells(open_, events.RegistrationCancelled(person_id=third.person_id), first=4)
    await tandem.is_followed()
    assert tandem.listed() == {str(open_): 14}


async def test_what_the_topic_forgot_before_it_was_read_is_an_error_until_it_begins_again(tandem: Tandem) -> None:
    session = uuid4()
    await tandem.is_followed()
    await tandem.tells(session, a_group_session(), registered())
    await tandem.forgets()
    with pytest.raises(OffsetOutOfRangeError):
        await tandem.is_followed()
    tandem.file.unlink()
    await tandem.is_followed()
    assert tandem.listed() == {str(session): 14}


async def test_a_version_that_never_came_stops_it_and_loses_nothing(tandem: Tandem) -> None:
    session = uuid4()
    await tandem.is_followed()
    await tandem.publishes(session, 1, a_group_session())
    await tandem.publishes(session, 3, events.SessionCancelled())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="version 2 never came"):
            await tandem.is_followed()
        assert tandem.listed() == {str(session): 15}


def test_it_is_as_short_as_the_tutorial_says() -> None:
    assert len(FILE.read_text().splitlines()) < 80
