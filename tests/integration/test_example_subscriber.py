"""The subscriber of the tutorial, on records as Tandem writes them."""

import importlib.util
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from uuid import UUID, uuid4

import pytest
from google.protobuf.message import Message
from kafka import KafkaProducer

from tandem.sessions.v1 import events_pb2 as events
from tandem.sessions.v1 import types_pb2 as types
from tandem_cli.settings import ROOT
from tandem_kit.cloudevents import headers_of
from tandem_kit.work import partition_of
from tests.integration.test_relay_and_consumer import make_topic

FILE = ROOT / "examples" / "subscriber" / "open_sessions.py"


@pytest.fixture
def topic(kafka: str) -> str:
    name = f"test.{uuid4().hex}"
    make_topic(kafka, name)
    return name


@pytest.fixture
def subscriber(topic: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("open_sessions", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.TOPIC = topic  # type: ignore[attr-defined]
    return module


class Tandem:
    def __init__(self, kafka: str, topic: str) -> None:
        self.kafka = kafka
        self._topic = topic
        self._producer = KafkaProducer(bootstrap_servers=kafka)

    def tells(self, session: UUID, version: int, event: Message) -> None:
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
        partition = partition_of(key)
        self._producer.send(self._topic, event.SerializeToString(), key=key, partition=partition, headers=headers)
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()


@pytest.fixture
def tandem(kafka: str, topic: str) -> Iterator[Tandem]:
    tandem = Tandem(kafka, topic)
    yield tandem
    tandem.close()


def a_group_session(session: UUID) -> events.SessionScheduled:
    collective = types.SESSION_FORMAT_COLLECTIVE
    return events.SessionScheduled(session_id=str(session), format=collective, site="lyon", module="networks", seats=15)


def listed(file: Path, *sessions: UUID) -> dict[str, int]:
    with sqlite3.connect(file) as database:
        seats = dict(database.execute("SELECT id, seats FROM open_sessions"))
    return {key: seats[key] for key in map(str, sessions) if key in seats}


def test_the_list_holds_what_can_be_registered_for_however_often_it_starts_anew(
    subscriber: ModuleType, tandem: Tandem, tmp_path: Path
) -> None:
    file = tmp_path / "sessions.db"
    open_, over, pairs_own = uuid4(), uuid4(), uuid4()
    registered = events.RegistrationConfirmed(person_id=str(uuid4()))
    tandem.tells(open_, 1, a_group_session(open_))
    tandem.tells(open_, 2, registered)
    tandem.tells(over, 1, a_group_session(over))
    tandem.tells(pairs_own, 1, events.SessionScheduled(format=types.SESSION_FORMAT_ONE_TO_ONE, seats=1))
    subscriber.follow(tandem.kafka, file, 2000)
    assert listed(file, open_, over, pairs_own) == {str(open_): 14, str(over): 15}
    # Sent again after a fault of ours, then a type that the subscriber does not know, and more.
    tandem.tells(open_, 2, registered)
    tandem.tells(open_, 3, events.RegistrationWaitlisted())
    tandem.tells(open_, 4, registered)
    tandem.tells(over, 2, events.SessionCancelled())
    subscriber.follow(tandem.kafka, file, 2000)
    assert listed(file, open_, over, pairs_own) == {str(open_): 13}


def test_a_version_that_never_came_stops_it_and_loses_nothing(
    subscriber: ModuleType, tandem: Tandem, tmp_path: Path
) -> None:
    file = tmp_path / "sessions.db"
    subscriber.follow(tandem.kafka, file, 2000)
    session = uuid4()
    tandem.tells(session, 1, a_group_session(session))
    tandem.tells(session, 3, events.SessionCancelled())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="version 2 never came"):
            subscriber.follow(tandem.kafka, file, 2000)
        assert listed(file, session) == {str(session): 15}


def test_it_is_as_short_as_the_tutorial_says() -> None:
    assert len(FILE.read_text().splitlines()) < 80
