"""Copies of a neighbour's facts made anew, over real Kafka, PostgreSQL and gRPC."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid4

import grpc
import pytest
from aiokafka import TopicPartition
from kafka import KafkaAdminClient
from sqlalchemy import delete, func, select, update

from tandem.enrolment.v1 import events_pb2
from tandem.snapshots.v1 import service_pb2
from tandem.snapshots.v1.service_pb2_grpc import SnapshotServiceStub
from tandem_cli.stack.processes import free_port
from tandem_cli.tokens import Signer, make_signing_key
from tandem_enrolment.adapters.tables import metadata as enrolment_tables
from tandem_enrolment.adapters.work import EnrolmentWork
from tandem_enrolment.domain.person import Details, Person
from tandem_enrolment.domain.types import CareerStage, GradeBand, PersonId, SiteCode
from tandem_kit import metrics, parking, tables
from tandem_kit.batch import Handling
from tandem_kit.cloudevents import Envelope
from tandem_kit.consumer import Consumer, Flood, Patience
from tandem_kit.domain import RuleBroken
from tandem_kit.handlers import UseCases, subscribe
from tandem_kit.migrations import migrate
from tandem_kit.policy import Grant, Role
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.rebuild import Rebuild, RebuiltTable
from tandem_kit.relay import Relay
from tandem_kit.rpc.callers import Callers
from tandem_kit.rpc.client import connect
from tandem_kit.rpc.errors import Refused
from tandem_kit.rpc.server import Rpc
from tandem_kit.snapshots import aggregates_of, snapshots
from tandem_kit.testing.clock import FixedClock
from tandem_kit.testing.eventually import eventually
from tandem_kit.work import PARTITIONS, OutboxRow, Topics, Works, partition_of
from tandem_matching.adapters.tables import metadata as matching_tables
from tandem_matching.adapters.tables import positions
from tandem_matching.adapters.work import MatchingWork
from tandem_matching.entrypoints.consumers import keep_leaver, keep_move, keep_person, keep_return
from tests.conftest import Databases
from tests.integration.test_relay_and_consumer import make_topic

SAID = Details(
    reference="",
    given_name="Ada",
    family_name="Petit",
    mail="ada@example.org",
    site=SiteCode("lyon"),
    manager_reference=None,
    functional_manager_reference=None,
    department="IT",
    grade_band=GradeBand.EMPLOYEE,
    career_stage=CareerStage.EARLY,
    languages=("fr",),
    active=True,
)


@dataclass
class Neighbours:
    """Enrolment, which owns people, and matching, which keeps copies of their positions."""

    kafka: str
    source_url: str
    source: PostgresDatabase
    target: PostgresDatabase
    channel: grpc.aio.Channel
    signer: Signer
    topic: str
    works: Works[EnrolmentWork]
    left: list[str] = field(default_factory=list)
    """The people whose leaving was reacted to."""

    async def registers(self, count: int) -> list[UUID]:
        people = [uuid4() for _ in range(count)]
        async with self.works.begin() as work:
            for person in people:
                manager = PersonId(people[0]) if person != people[0] else None
                work.people.add(Person.register(PersonId(person), replace(SAID, reference=str(person)), manager, None))
        return people

    async def moves(self, people: Sequence[UUID], manager: UUID) -> None:
        async with self.works.begin() as work:
            for person in (await work.people.find_many(people)).values():
                person.update(replace(SAID, site=SiteCode("nice")), PersonId(manager), None)

    async def leave(self, people: Sequence[UUID]) -> None:
        async with self.works.begin() as work:
            for person in (await work.people.find_many(people)).values():
                person.leave()

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        task = asyncio.create_task(Relay("enrolment", self.source_url, self.kafka).run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def consuming(self) -> AsyncIterator[Consumer]:
        consumer = Consumer(self.handling, self.kafka, self.topic, 50, Flood(20, 0.5), Patience(halt=0.1))
        running = asyncio.create_task(consumer.run())
        try:
            yield consumer
        finally:
            await consumer.stop()
            await running

    @property
    def handling(self) -> Handling:
        def on_person_left(event: events_pb2.PersonLeft, _: Envelope) -> None:
            self.left.append(event.person_id)

        subscription = subscribe(
            [self.topic], projections=[keep_person, keep_move, keep_leaver, keep_return], reactions=[on_person_left]
        )
        works = Works(MatchingWork, self.target, FixedClock(), Topics({}))
        return Handling("matching", subscription, UseCases(), works, self.target, FixedClock())

    @property
    def rebuild(self) -> Rebuild:
        return Rebuild(self.handling, self.topic, self.kafka, {"enrolment": self.channel})

    async def truth(self) -> dict[UUID, tuple[list[str], bool]]:
        async with self.source.engine.connect() as connection:
            people = enrolment_tables.tables["people"]
            return {
                row.id: ([str(row.manager_id)] if row.manager_id else [], row.active)
                for row in await connection.execute(select(people))
            }

    async def recorded(self) -> int:
        async with self.source.engine.connect() as connection:
            return await connection.scalar(select(func.count()).select_from(tables.outbox)) or 0

    async def copies(self) -> dict[UUID, tuple[list[str], bool]]:
        async with self.target.engine.connect() as connection:
            return {row.id: (row.managers, row.active) for row in await connection.execute(select(positions))}

    async def agree(self) -> bool:
        return await self.copies() == await self.truth()

    async def places(self) -> tuple[dict[str, int], dict[int, int]]:
        """Return the watermarks, and the offsets."""
        async with self.target.engine.connect() as connection:
            marks = await connection.execute(select(tables.watermarks))
            offsets = await connection.execute(select(tables.consumer_offsets))
            return {m.aggregate_id: m.version for m in marks}, {o.partition: o.next_offset for o in offsets}

    async def trim(self) -> None:
        """Remove everything from the topic, as Kafka does when its time has come."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        everything = {TopicPartition(self.topic, number): -1 for number in range(PARTITIONS)}
        await asyncio.to_thread(admin.delete_records, everything)
        admin.close()


@pytest.fixture
async def neighbours(kafka: str, databases: Databases, tmp_path: Path) -> AsyncIterator[Neighbours]:
    async with databases.new() as source_url, databases.new() as target_url:
        await asyncio.to_thread(migrate, "enrolment", source_url)
        await asyncio.to_thread(migrate, "matching", target_url)
        source = PostgresDatabase(make_engine(source_url, 8), enrolment_tables)
        target = PostgresDatabase(make_engine(target_url, 8), matching_tables)
        topic = f"test.enrolment.{uuid4().hex}"
        await asyncio.to_thread(make_topic, kafka, topic)
        topics = Topics({Person: (topic, events_pb2)})
        works = Works(EnrolmentWork, source, FixedClock(), topics)
        server = grpc.aio.server()
        callers = Callers(make_signing_key(tmp_path))
        rpc = Rpc("enrolment", service_pb2, "SnapshotService", snapshots(topics), works, callers, FixedClock())
        server.add_generic_rpc_handlers((rpc.handler,))
        address = f"127.0.0.1:{free_port()}"
        server.add_insecure_port(address)
        await server.start()
        signer = Signer(tmp_path)
        token = signer.sign("matching", Grant(Role.SERVICE))
        async with connect(address, lambda: token) as channel:
            yield Neighbours(kafka, source_url, source, target, channel, signer, topic, works)
        await server.stop(0)
        await source.engine.dispose()
        await target.engine.dispose()


async def test_copies_that_were_lost_or_spoilt_are_mended_while_events_go_on(neighbours: Neighbours) -> None:
    async with neighbours.relaying(), neighbours.consuming():
        people = await neighbours.registers(40)
        await neighbours.moves(people[10:30], people[1])
        await neighbours.leave(people[30:])
        await eventually(neighbours.agree)
        before = await neighbours.places()
        async with neighbours.target.engine.begin() as connection:
            await connection.execute(delete(positions).where(positions.c.id.in_(people[:7])))
            await connection.execute(update(positions).where(positions.c.id.in_(people[7:12])).values(active=False))
            await connection.execute(positions.insert(), {"id": uuid4(), "managers": [], "active": True})
        rebuilt = await neighbours.rebuild.run(owner_restored=False)
        assert await neighbours.agree()
        assert await neighbours.places() == before
        assert RebuiltTable("positions", rows=40, added=7, changed=5, removed=1) in rebuilt.tables
        assert (rebuilt.partitions_begun_anew, rebuilt.events_without_reaction) == (0, 0)
        await neighbours.leave(people[:5])
        await eventually(neighbours.agree)
    assert sorted(neighbours.left) == sorted(str(person) for person in [*people[30:], *people[:5]])


async def test_what_changes_during_a_rebuild_is_neither_lost_nor_undone(neighbours: Neighbours) -> None:
    async with neighbours.relaying(), neighbours.consuming():
        people = await neighbours.registers(200)

        async def change() -> None:
            for turn in range(20):
                await neighbours.moves(people[turn * 8 : turn * 8 + 40], people[turn])
                await neighbours.leave(people[turn * 5 : turn * 5 + 5])

        changing = asyncio.create_task(change())
        for _ in range(5):
            await neighbours.rebuild.run(owner_restored=False)
        await changing

        async def all_is_applied() -> bool:
            marks, _ = await neighbours.places()
            return sum(marks.values()) == await neighbours.recorded() and await neighbours.agree()

        await eventually(all_is_applied)
    assert sorted(neighbours.left) == sorted(str(person) for person in people[:100])


async def test_a_newcomer_to_a_topic_that_was_trimmed_begins_with_the_snapshot(neighbours: Neighbours) -> None:
    async with neighbours.relaying():
        people = await neighbours.registers(30)
        await neighbours.moves(people[:20], people[29])
        await neighbours.leave(people[:4])

        async def all_are_published() -> bool:
            async with neighbours.source.engine.connect() as connection:
                waits = tables.outbox.c.published_at.is_(None)
                return not await connection.scalar(select(func.count()).select_from(tables.outbox).where(waits))

        await eventually(all_are_published)
        await neighbours.trim()
        await neighbours.leave(people[4:6])
        async with neighbours.consuming():

            async def halted() -> bool:
                return bool(metrics.CONSUMER_HALTED.labels("matching", "offset_gone")._value.get())

            await eventually(halted)

            async def more_leave() -> None:
                for person in people[9:29]:
                    await neighbours.leave([person])

            leaving = asyncio.create_task(more_leave())
            rebuilt = await neighbours.rebuild.run(owner_restored=False)
            await leaving
            await eventually(neighbours.agree)
            # Those that held nobody have nothing to miss.
            assert rebuilt.partitions_begun_anew == len({partition_of(str(person).encode()) for person in people})
            assert rebuilt.events_without_reaction >= 30 + 20 + 4
            await neighbours.leave(people[6:9])
            await eventually(neighbours.agree)
    assert set(neighbours.left) >= {str(person) for person in people[6:9]}
    assert not set(neighbours.left) & {str(person) for person in people[:4]}


async def test_what_an_owner_forgot_is_forgotten_when_told_so_and_not_before(neighbours: Neighbours) -> None:
    async with neighbours.relaying(), neighbours.consuming():
        people = await neighbours.registers(10)
        await neighbours.moves(people[5:], people[0])
        await eventually(neighbours.agree)
        # Restored to before the moves, and to before the last person came.
        lost, table = people[9], enrolment_tables.tables["people"]
        async with neighbours.source.engine.begin() as connection:
            await connection.execute(delete(tables.outbox).where(tables.outbox.c.version > 1))
            await connection.execute(delete(tables.outbox).where(tables.outbox.c.aggregate_id == lost))
            await connection.execute(delete(table).where(table.c.id == lost))
            await connection.execute(update(table).values(version=1, workplace="lyon", manager_id=people[0]))
            await connection.execute(update(table).where(table.c.id == people[0]).values(manager_id=None))
        with pytest.raises(RuleBroken) as refused:
            await neighbours.rebuild.run(owner_restored=False)
        assert refused.value.rule.name == "owner_knows_less"
        assert refused.value.details["count"] == 5
        assert len(await neighbours.copies()) == 10
        await neighbours.rebuild.run(owner_restored=True)
        assert await neighbours.agree()
        # Another second version than the one that was applied.
        await neighbours.moves(people[5:9], people[1])
        await eventually(neighbours.agree)


async def test_an_event_that_cannot_be_applied_is_named_and_one_that_was_given_up_is_left_out(
    neighbours: Neighbours,
) -> None:
    async with neighbours.relaying(), neighbours.consuming() as consumer:
        people = await neighbours.registers(3)
        async with neighbours.source.transaction() as store:
            # Somebody moved whom nobody registered: a fault of the owner's, which the consumer parks.
            stranger = uuid4()
            moved = events_pb2.PersonMoved(person_id=str(stranger), site="lyon").SerializeToString()
            partition = partition_of(str(stranger).encode())
            type_, at = "tandem.enrolment.v1.PersonMoved", FixedClock().now()
            await store.record([OutboxRow(neighbours.topic, partition, stranger, 1, type_, moved, None, at, None)])
        parked = select(tables.parked.c.id).where(tables.parked.c.aggregate_id == str(stranger))

        async def is_parked() -> int | None:
            async with neighbours.target.engine.connect() as connection:
                return await connection.scalar(parked)

        key = await eventually(is_parked)
        with pytest.raises(RuleBroken) as refused:
            await neighbours.rebuild.run(owner_restored=False)
        assert refused.value.rule.name == "cannot_be_applied"
        assert str(stranger) in refused.value.sentence("fr")
        assert key is not None
        async with neighbours.target.engine.begin() as connection:
            await parking.discard(connection, key, "ada", "nobody is missing")
        await neighbours.rebuild.run(owner_restored=False)
        assert set(await neighbours.copies()) == set(people)
        assert (await consumer.replay("", "ada", past_gap=False)) == (0, 0)


async def test_what_is_parked_of_aggregates_that_begin_anew_is_not_replayed(neighbours: Neighbours) -> None:
    async with neighbours.relaying(), neighbours.consuming() as consumer:
        people = await neighbours.registers(5)
        await eventually(neighbours.agree)
        # Two later events of one person, set aside; then the owner goes back to before them, and before the others.
        async with neighbours.target.engine.begin() as connection:
            row = {"topic": neighbours.topic, "partition": 0, "record_offset": 10**6, "key": b"", "headers": {}}
            more = {"type": "PersonLeft", "payload": b"", "kind": "failed", "reason": "on purpose"}
            await connection.execute(
                tables.parked.insert().values(aggregate_id=str(people[0]), version=2, **row, **more)
            )
        async with neighbours.source.engine.begin() as connection:
            table = enrolment_tables.tables["people"]
            for column in (tables.outbox.c.aggregate_id, table.c.id):
                await connection.execute(delete(column.table).where(column == people[4]))
        await neighbours.rebuild.run(owner_restored=True)
        assert await neighbours.agree()
        assert await consumer.replay("", "ada", past_gap=False) == (0, 0)
        async with neighbours.target.engine.connect() as connection:
            assert list(await connection.scalars(select(tables.parked.c.settled_how))) == ["passed by"]


async def test_an_owner_that_is_away_is_told_and_nothing_is_changed(neighbours: Neighbours) -> None:
    async with neighbours.relaying(), neighbours.consuming():
        await neighbours.registers(10)
        await eventually(neighbours.agree)
        before = await neighbours.places()
        async with connect(f"127.0.0.1:{free_port()}", lambda: "") as nobody:
            away = replace(neighbours.rebuild, owners={"enrolment": nobody})
            with pytest.raises(Refused, match="neighbour_away"):
                await away.run(owner_restored=False)
        assert await neighbours.agree()
        assert await neighbours.places() == before


async def test_a_snapshot_has_every_event_once_whatever_the_size_of_a_page(neighbours: Neighbours) -> None:
    people = await neighbours.registers(23)
    await neighbours.moves(people[:9], people[20])
    for page in (1, 7, 500):
        found = {a.aggregate_id: a async for a in aggregates_of(neighbours.topic, neighbours.channel, page)}
        assert set(found) == {str(person) for person in people}
        for number, person in enumerate(people):
            aggregate = found[str(person)]
            assert [event.version for event in aggregate.events] == ([1, 2] if number < 9 else [1])
            assert aggregate.version == aggregate.events[-1].version


@pytest.mark.parametrize(
    ("role", "code"),
    [
        (Role.SUBSCRIBER, grpc.StatusCode.OK),
        (Role.SERVICE, grpc.StatusCode.OK),
        (Role.SITE_HR, grpc.StatusCode.PERMISSION_DENIED),
    ],
)
async def test_snapshots_are_for_whoever_follows_the_events(
    neighbours: Neighbours, role: Role, code: grpc.StatusCode
) -> None:
    token = neighbours.signer.sign("somebody", Grant(role))
    request = service_pb2.GetSnapshotRequest(topic=neighbours.topic, limit=5)
    call = SnapshotServiceStub(neighbours.channel).GetSnapshot(
        request, metadata=[("authorization", f"Bearer {token}")], timeout=5
    )
    assert await call.code() == code


async def test_a_topic_that_the_service_does_not_own_is_not_found(neighbours: Neighbours) -> None:
    request = service_pb2.GetSnapshotRequest(topic="tandem.sessions.charter.v1", limit=5)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await SnapshotServiceStub(neighbours.channel).GetSnapshot(request)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert "tandem.sessions.charter.v1" in (refused.value.details() or "")
