"""Events from one database's outbox to another database's tables, over a real Kafka."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from sqlalchemy import Column, Integer, MetaData, Table, Text, Uuid, select

from tandem.matching.v1 import events_pb2
from tandem_kit import consumer as consumer_module
from tandem_kit import metrics, parking, tables
from tandem_kit.batch import Handling
from tandem_kit.cloudevents import Envelope, Headers, headers_of
from tandem_kit.consumer import Consumer, Flood, Patience
from tandem_kit.domain import RuleBroken
from tandem_kit.handlers import UseCases, subscribe
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.relay import Relay
from tandem_kit.testing.clock import FixedClock
from tandem_kit.testing.eventually import eventually
from tandem_kit.work import PARTITIONS, OutboxRow, Topics, Work, Works, partition_of
from tests.conftest import Databases

TYPE = "tandem.matching.v1.PairDissolved"

SEEN = MetaData()
seen = Table(
    "seen",
    SEEN,
    Column("id", Uuid, primary_key=True),
    Column("pair", Text, nullable=False),
    Column("turn", Integer, nullable=False),
)
POISON = "poison"
cured = False
"""Whether the handler has been mended, as by a new version."""


@dataclass(kw_only=True)
class Seen:
    id: UUID
    pair: str
    turn: int


class SeenWork(Work):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.seen = self.repository(Seen, "seen")


async def keep(event: events_pb2.PairDissolved, about: Envelope, facts: SeenWork) -> None:
    if event.mentor_id == POISON and not cured:
        raise ValueError("on purpose")
    # Not an upsert: applied twice, it would show.
    facts.seen.add(Seen(id=uuid4(), pair=event.pair_id, turn=about.version))


@dataclass
class Plant:
    """A database with an outbox, a topic, and another database with a consumer."""

    kafka: str
    url: str
    source: PostgresDatabase
    target: PostgresDatabase
    topic: str = field(default_factory=lambda: f"test.{uuid4().hex}")
    patience: Patience = field(default_factory=lambda: Patience(halt=0.1))

    async def sends(self, pair: UUID, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Write a record that no relay wrote."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        key = str(pair).encode()
        await producer.send_and_wait(self.topic, value, key=key, partition=partition_of(key), headers=list(headers))
        await producer.stop()

    def event(self, pair: UUID, version: int, *, poison: bool = False) -> OutboxRow:
        message = events_pb2.PairDissolved(pair_id=str(pair), mentor_id=POISON if poison else "")
        return OutboxRow(
            topic=self.topic,
            partition=partition_of(str(pair).encode()),
            aggregate_id=pair,
            version=version,
            type=TYPE,
            payload=message.SerializeToString(),
            site="lyon",
            time=datetime(2026, 1, 5, tzinfo=UTC),
            traceparent=None,
        )

    async def records(self, *events: OutboxRow) -> None:
        async with self.source.transaction() as store:
            await store.record(events)

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[Relay]:
        relay = Relay("matching", self.url, self.kafka)
        task = asyncio.create_task(relay.run())
        try:
            yield relay
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def consumer(self) -> Consumer:
        works = Works(SeenWork, self.target, FixedClock(), Topics({}))
        subscription = subscribe([self.topic], projections=[keep], reactions=[])
        handling = Handling("sessions", subscription, UseCases(), works, self.target, FixedClock())
        return Consumer(handling, self.kafka, self.topic, 50, Flood(20, 0.5), self.patience)

    @asynccontextmanager
    async def consuming(self) -> AsyncIterator[Consumer]:
        consumer = self.consumer()
        running = asyncio.create_task(consumer.run())
        try:
            yield consumer
        finally:
            await consumer.stop()
            await running

    async def turns_of(self, pair: UUID) -> list[int]:
        async with self.target.engine.connect() as connection:
            query = select(seen.c.turn).where(seen.c.pair == str(pair)).order_by(seen.c.turn)
            return list(await connection.scalars(query))

    async def parked_of(self, pair: UUID) -> list[int | None]:
        async with self.target.engine.connect() as connection:
            t = tables.parked
            waits = t.c.settled_at.is_(None)
            query = select(t.c.version).where(t.c.aggregate_id == str(pair), waits).order_by(t.c.id)
            return list(await connection.scalars(query))

    async def has_applied(self, pair: UUID, turns: Sequence[int]) -> None:
        async def probe() -> bool:
            return await self.turns_of(pair) == list(turns)

        await eventually(probe)


def make_topic(kafka: str, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(name, PARTITIONS, -1)])
    admin.close()


def configure_topic(kafka: str, name: str, values: dict[str, str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, values)])
    admin.close()


@pytest.fixture
async def plant(kafka: str, databases: Databases) -> AsyncIterator[Plant]:
    async with databases.new() as source_url, databases.new() as target_url:
        engines = [make_engine(source_url, 4), make_engine(target_url, 4)]
        for engine in engines:
            async with engine.begin() as connection:
                await connection.run_sync(tables.KIT.create_all)
                await connection.run_sync(SEEN.create_all)
        source, target = (PostgresDatabase(engine, SEEN) for engine in engines)
        plant = Plant(kafka, source_url, source, target)
        await asyncio.to_thread(make_topic, kafka, plant.topic)
        yield plant
        for engine in engines:
            await engine.dispose()


async def test_every_event_is_applied_once_and_in_order(plant: Plant) -> None:
    pairs = [uuid4() for _ in range(20)]
    async with plant.relaying() as relay, plant.consuming() as consumer:
        for version in range(1, 11):
            await plant.records(*(plant.event(pair, version) for pair in pairs))
        for pair in pairs:
            await plant.has_applied(pair, range(1, 11))
        assert relay.published == 200
        assert await unread_of(plant, consumer) == 0


async def test_what_was_published_twice_is_applied_once(plant: Plant) -> None:
    pair = uuid4()
    async with plant.relaying(), plant.consuming() as consumer:
        await plant.records(plant.event(pair, 1), plant.event(pair, 2))
        await plant.has_applied(pair, [1, 2])
        # As a relay does that was killed between Kafka's acknowledgement and its own mark.
        async with plant.source.engine.begin() as connection:
            await connection.execute(tables.outbox.update().values(published_at=None))
        await plant.records(plant.event(pair, 3))
        await plant.has_applied(pair, [1, 2, 3])
        await eventually(lambda: caught_up(plant, consumer))
    assert await plant.turns_of(pair) == [1, 2, 3]


async def unread_of(plant: Plant, consumer: Consumer) -> int:
    async with plant.target.engine.connect() as connection:
        return await consumer.unread(connection)


async def caught_up(plant: Plant, consumer: Consumer) -> bool:
    return await unread_of(plant, consumer) == 0


async def test_a_consumer_goes_on_where_its_database_says_not_where_kafka_does(plant: Plant) -> None:
    pair = uuid4()
    async with plant.relaying():
        async with plant.consuming():
            await plant.records(plant.event(pair, 1))
            await plant.has_applied(pair, [1])
        await plant.records(plant.event(pair, 2))
        # The database was restored to an earlier point; Kafka's group has committed past it.
        async with plant.target.engine.begin() as connection:
            await connection.execute(seen.delete())
            await connection.execute(tables.watermarks.delete())
            await connection.execute(tables.consumer_offsets.delete())
        async with plant.consuming():
            await plant.has_applied(pair, [1, 2])


async def test_poison_parks_itself_and_its_followers_while_others_flow(plant: Plant) -> None:
    bad, good = uuid4(), uuid4()
    async with plant.relaying(), plant.consuming():
        await plant.records(
            plant.event(bad, 1),
            plant.event(bad, 2, poison=True),
            plant.event(good, 1),
            plant.event(bad, 3),
            plant.event(good, 2),
        )
        await plant.has_applied(good, [1, 2])
        await eventually(lambda: parked_are(plant, bad, [2, 3]))
        assert await plant.turns_of(bad) == [1]
        await plant.records(plant.event(bad, 4))
        await eventually(lambda: parked_are(plant, bad, [2, 3, 4]))


async def parked_are(plant: Plant, pair: UUID, versions: Sequence[int | None]) -> bool:
    return await plant.parked_of(pair) == list(versions)


async def test_a_gap_parks_what_comes_after_it(plant: Plant) -> None:
    pair = uuid4()
    async with plant.relaying(), plant.consuming():
        await plant.records(plant.event(pair, 1), plant.event(pair, 3))
        await eventually(lambda: parked_are(plant, pair, [3]))
        assert await plant.turns_of(pair) == [1]


async def test_what_was_parked_is_replayed_in_order_once_the_fault_is_mended(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = uuid4()
    async with plant.relaying(), plant.consuming() as consumer:
        await plant.records(plant.event(pair, 1), plant.event(pair, 2, poison=True), plant.event(pair, 3))
        await eventually(lambda: parked_are(plant, pair, [2, 3]))
        assert await consumer.replay(str(pair), "ann") == (0, 2)
        monkeypatch.setattr(sys.modules[__name__], "cured", True)
        assert await consumer.replay("", "ann") == (2, 0)
        assert await plant.turns_of(pair) == [1, 2, 3]
        await plant.records(plant.event(pair, 4))
        await plant.has_applied(pair, [1, 2, 3, 4])


async def test_events_that_come_during_a_replay_find_their_place(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = uuid4()
    async with plant.relaying(), plant.consuming() as consumer:
        await plant.records(plant.event(pair, 1, poison=True), *(plant.event(pair, n) for n in range(2, 40)))
        await eventually(lambda: parked_are(plant, pair, range(1, 40)))
        monkeypatch.setattr(sys.modules[__name__], "cured", True)

        async def more() -> None:
            for version in range(40, 80):
                await plant.records(plant.event(pair, version))

        async def replay() -> bool:
            return await consumer.replay(str(pair), "ann") == (0, 0)

        await asyncio.gather(more(), eventually(replay))
        await eventually(replay)
        await plant.has_applied(pair, range(1, 80))


async def test_a_discarded_event_is_passed_by_and_its_followers_go_on(plant: Plant) -> None:
    pair = uuid4()
    async with plant.relaying(), plant.consuming() as consumer:
        await plant.records(plant.event(pair, 1, poison=True), plant.event(pair, 2), plant.event(pair, 3))
        await eventually(lambda: parked_are(plant, pair, [1, 2, 3]))
        async with plant.target.engine.begin() as connection:
            first, second, _ = await parking.page(connection, 0, 10)
            with pytest.raises(RuleBroken, match="earlier_events_wait"):
                await parking.discard(connection, second.id, "ann", "in the way")
            assert await parking.discard(connection, first.id, "ann", "a test's poison") == 2
        assert await consumer.replay(str(pair), "ann") == (2, 0)
        assert await plant.turns_of(pair) == [2, 3]
        async with plant.target.engine.connect() as connection:
            row = (await connection.execute(select(tables.parked).where(tables.parked.c.id == first.id))).one()
        assert (row.settled_how, row.settled_by, row.settled_why) == ("discarded", "ann", "a test's poison")


async def test_versions_that_never_came_are_passed_by_when_an_operator_says_so(plant: Plant) -> None:
    pair = uuid4()
    async with plant.relaying(), plant.consuming() as consumer:
        await plant.records(plant.event(pair, 1))
        await plant.has_applied(pair, [1])
        await plant.sends(pair, b"?", [("ce_aggregateversion", b"two")])
        await plant.sends(pair, b"?", [("ce_aggregateversion", b"three")])
        await plant.records(plant.event(pair, 4), plant.event(pair, 5))
        await eventually(lambda: parked_are(plant, pair, [None, None, 4, 5]))
        async with plant.target.engine.begin() as connection:
            first, second, fourth, _ = await parking.page(connection, 0, 10)
            assert (first.kind, first.aggregate_id) == (parking.ParkedKind.UNREADABLE, str(pair))
            with pytest.raises(RuleBroken, match="earlier_events_wait"):
                await parking.discard(connection, fourth.id, "ann", "in the way")
            await parking.discard(connection, first.id, "ann", "garbage")
            await parking.discard(connection, second.id, "ann", "garbage")
        assert await consumer.replay(str(pair), "ann") == (0, 2)
        assert await consumer.replay(str(pair), "ann", past_gap=True) == (2, 0)
        assert await plant.turns_of(pair) == [1, 4, 5]


async def test_a_subject_too_long_for_an_index_is_parked_like_any_other(plant: Plant) -> None:
    key, other = uuid4(), uuid4()
    headers = dict(headers_of_first(key)) | {"ce_subject": b"x" * 8000}
    await plant.sends(key, b"?", list(headers.items()))
    async with plant.relaying(), plant.consuming():
        await plant.records(plant.event(other, 1))
        await plant.has_applied(other, [1])
        await eventually(lambda: parked_are(plant, key, [None]))


def headers_of_first(pair: UUID) -> Headers:
    return headers_of(
        service="matching",
        type_=TYPE,
        aggregate_id=pair,
        version=1,
        time=datetime(2026, 1, 5, tzinfo=UTC),
        site=None,
        traceparent=None,
    )


async def test_partitions_that_rest_are_read_again_after_the_database_went_back(plant: Plant) -> None:
    pair = uuid4()
    async with plant.relaying(), plant.consuming():
        await plant.records(plant.event(pair, 1), plant.event(pair, 2))
        await plant.has_applied(pair, [1, 2])
        async with plant.target.engine.begin() as connection:
            await connection.execute(seen.delete())
            await connection.execute(tables.watermarks.delete())
            await connection.execute(tables.consumer_offsets.delete())
        await plant.has_applied(pair, [1, 2])


async def test_a_flood_of_poison_halts_the_consumer_instead_of_parking_everything(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [uuid4() for _ in range(60)]
    async with plant.relaying(), plant.consuming():
        await plant.records(*(plant.event(pair, 1, poison=True) for pair in pairs))

        async def parked() -> int:
            async with plant.target.engine.connect() as connection:
                return sum((await parking.counts(connection))[0].values())

        async def halted() -> bool:
            return bool(metrics.CONSUMER_HALTED.labels("sessions", "flood")._value.get())

        await eventually(halted)
        await eventually(halted)
        assert await parked() == 20
        monkeypatch.setattr(sys.modules[__name__], "cured", True)

        async def the_rest_came() -> bool:
            return [await plant.turns_of(pair) for pair in pairs].count([1]) == 40

        await eventually(the_rest_came)
        assert await parked() == 20


async def test_a_record_that_is_no_event_of_ours_is_kept_aside_and_the_rest_flows(plant: Plant) -> None:
    pair = uuid4()
    for headers in ([], [("kafka_dlt-original-offset", b"\xff\xfe\x00")], [("ce_aggregateversion", b"one")]):
        await plant.sends(pair, b"?", headers)
    await plant.sends(pair, None)
    other = uuid4()
    async with plant.relaying(), plant.consuming():
        await plant.records(plant.event(other, 1))
        await plant.has_applied(other, [1])
        await eventually(lambda: parked_are(plant, pair, [None] * 4))


async def test_a_type_that_nobody_handles_is_passed_by(plant: Plant) -> None:
    pair = uuid4()
    headers = headers_of(
        service="matching",
        type_="tandem.matching.v1.PairCelebrated",
        aggregate_id=pair,
        version=1,
        time=datetime(2026, 1, 5, tzinfo=UTC),
        site=None,
        traceparent=None,
    )
    await plant.sends(pair, b"", headers)
    async with plant.relaying(), plant.consuming():
        await plant.records(plant.event(pair, 2))
        await plant.has_applied(pair, [2])


async def test_what_waits_is_known_before_the_consumer_reads(plant: Plant) -> None:
    pair = uuid4()
    async with plant.relaying() as relay:
        await plant.records(plant.event(pair, 1), plant.event(pair, 2))

        async def published() -> bool:
            return relay.published == 2

        await eventually(published)
    consumer = plant.consumer()
    assert await unread_of(plant, consumer) == 2
    await consumer.stop()


async def test_two_relays_of_one_database_publish_everything_once(plant: Plant) -> None:
    pair = uuid4()
    async with plant.relaying() as first, plant.relaying() as second, plant.consuming():
        for version in range(1, 21):
            await plant.records(plant.event(pair, version))
        await plant.has_applied(pair, range(1, 21))
        assert first.published + second.published == 20


async def test_a_row_that_kafka_refuses_blocks_its_own_aggregate_alone(plant: Plant) -> None:
    pairs = [uuid4() for _ in range(24)]
    refused = replace(plant.event(pairs[0], 1), payload=b"x" * 5000)
    await asyncio.to_thread(configure_topic, plant.kafka, plant.topic, {"max.message.bytes": "2000"})
    async with plant.relaying() as relay:
        await plant.records(refused, plant.event(pairs[0], 2), *(plant.event(pair, 1) for pair in pairs[1:]))

        async def the_others_went() -> bool:
            return relay.published == 23

        await eventually(the_others_went)
        await asyncio.to_thread(configure_topic, plant.kafka, plant.topic, {"max.message.bytes": "20000"})

        async def all_went() -> bool:
            return relay.published == 25

        await eventually(all_went)


async def test_rows_of_a_transaction_that_commits_late_are_published_too(plant: Plant) -> None:
    early, late = uuid4(), uuid4()
    async with plant.relaying(), plant.consuming():
        async with plant.source.transaction() as slow:
            await slow.record([plant.event(late, 1)])
            await plant.records(plant.event(early, 1))
            await plant.has_applied(early, [1])
        await plant.has_applied(late, [1])


async def test_a_consumer_that_came_before_its_topic_reads_it_once_it_exists(plant: Plant) -> None:
    plant.topic = f"test.{uuid4().hex}"
    plant.patience = Patience(unassigned=0.5, halt=0.1)
    pair = uuid4()
    async with plant.consuming():

        async def it_says_so() -> bool:
            return bool(metrics.CONSUMER_HALTED.labels("sessions", "topic_missing")._value.get())

        await eventually(it_says_so)
        await asyncio.to_thread(make_topic, plant.kafka, plant.topic)
        async with plant.relaying():
            await plant.records(plant.event(pair, 1))
            await plant.has_applied(pair, [1])


async def test_keys_of_commands_expire_after_a_week_and_events_never(plant: Plant) -> None:
    keys, now = tables.idempotency_keys, datetime.now(UTC)
    row = {"caller": "ada", "method": "Enrol", "request_digest": b"", "response": b""}
    async with plant.source.engine.begin() as connection:
        for days in (8, 6):
            at = now - timedelta(days=days)
            await connection.execute(keys.insert().values(key=f"{days} days", recorded_at=at, **row))
    await plant.records(plant.event(uuid4(), 1))
    async with plant.source.engine.begin() as connection:
        long_ago = now - timedelta(days=400)
        await connection.execute(tables.outbox.update().values(recorded_at=long_ago, published_at=long_ago))

    async def only_the_younger_is_kept() -> bool:
        async with plant.source.engine.connect() as connection:
            return list(await connection.scalars(select(keys.c.key))) == ["6 days"]

    async with plant.relaying():
        await eventually(only_the_younger_is_kept)
    async with plant.source.engine.connect() as connection:
        assert len((await connection.execute(select(tables.outbox))).all()) == 1


async def test_an_event_sees_what_an_earlier_one_of_its_batch_changed(plant: Plant) -> None:
    async with plant.target.transaction() as store:
        work = SeenWork(
            store, FixedClock(), Topics({}), Works(SeenWork, plant.target, FixedClock(), Topics({})).over(store).scope
        )
        thing = work.seen.add(Seen(id=uuid4(), pair="one", turn=1))
        assert len(await work.seen.where(pair="one")) == 1
        thing.pair = "two"
        assert await work.seen.where(pair="one") == []
        assert await work.seen.exists(pair="two")


async def test_a_standby_that_rested_beyond_its_poll_interval_takes_over(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_MAX_POLL_MS", 2000)
    pair = uuid4()
    async with plant.relaying(), plant.consuming() as first:
        # A thirteenth member of a group for twelve partitions has none, and rests.
        others = [plant.consumer() for _ in range(PARTITIONS)]
        resting = [asyncio.create_task(other.run()) for other in others]
        await plant.records(plant.event(pair, 1))
        await plant.has_applied(pair, [1])
        await asyncio.sleep(3)
        await first.stop()
        for other in others[:-1]:
            await other.stop()
        await plant.records(plant.event(pair, 2))
        await plant.has_applied(pair, [1, 2])
        await others[-1].stop()
        await asyncio.gather(*resting)


@pytest.mark.parametrize("repaired", [False, True])
async def test_a_consumer_that_is_wedged_without_partitions_joins_anew(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, *, repaired: bool
) -> None:
    """As aiokafka's coordinator may: it gave its partitions up, and never asks for new ones."""
    rejoin, wedged = GroupCoordinator.ensure_active_group, set[GroupCoordinator]()

    async def never(self: GroupCoordinator, *given: Any) -> Any:
        if not wedged or self in wedged:
            wedged.add(self)
            await asyncio.sleep(0.1)
            return None
        return await rejoin(self, *given)

    monkeypatch.setattr(GroupCoordinator, "ensure_active_group", never)
    plant.patience = Patience(unassigned=1.0 if repaired else 1000.0)
    pair = uuid4()
    async with plant.relaying(), plant.consuming():
        await plant.records(plant.event(pair, 1))
        if repaired:
            await plant.has_applied(pair, [1])
        else:
            with pytest.raises(AssertionError, match="still"):
                await eventually(lambda: applied(plant, pair), 4)


async def applied(plant: Plant, pair: UUID) -> bool:
    return await plant.turns_of(pair) == [1]
