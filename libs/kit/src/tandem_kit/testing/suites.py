"""What every store has to do, whatever it is made of."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from tandem_kit.domain import Aggregate
from tandem_kit.work import AlreadyExists, Answer, Database, OutboxRow, Store

SUITE = MetaData()
things = Table(
    "suite_things",
    SUITE,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("place", Text),
    Column("parts", JSONB, nullable=False),
    Index("suite_things_place", "place", "version", unique=True),
)


@dataclass(kw_only=True)
class Thing(Aggregate):
    name: str
    place: str | None = None
    parts: list[str] = field(default_factory=list)


def a_row(name: str, **more: object) -> dict[str, object]:
    return {"id": uuid4(), "version": 0, "name": name, "place": None, "parts": []} | more


def an_event(aggregate: UUID, version: int) -> OutboxRow:
    return OutboxRow("suite", 0, aggregate, version, "suite.Event", b"x", None, datetime(2026, 1, 5, tzinfo=UTC), None)


class StoreSuite:
    """Subclassed for each database, which the subclass gives as the fixture `database`."""

    async def test_what_was_inserted_is_found_by_its_values(self, database: Database) -> None:
        async with database.transaction() as store:
            await store.insert("suite_things", [a_row("chair", parts=["leg"]), a_row("table")])
        async with database.transaction() as store:
            found = await store.select("suite_things", {"name": "chair"})
            assert [row["parts"] for row in found] == [["leg"]]
            assert len(await store.select("suite_things", {"name": ["chair", "table", "bed"]})) == 2
            assert await store.select("suite_things", {"name": "bed"}) == []

    async def test_rows_come_in_the_order_of_their_ids(self, database: Database) -> None:
        async with database.transaction() as store:
            await store.insert("suite_things", [a_row(f"row {n}") for n in range(20)])
            found = [row["id"] for row in await store.select("suite_things", {})]
        assert found == sorted(found)

    async def test_a_transaction_that_fails_leaves_nothing(self, database: Database) -> None:
        async def fail(store: Store) -> None:
            await store.insert("suite_things", [a_row("lamp")])
            await store.record([an_event(uuid4(), 1)])
            raise RuntimeError("on purpose")

        with pytest.raises(RuntimeError, match="on purpose"):
            async with database.transaction() as store:
                await fail(store)
        async with database.transaction() as store:
            assert await store.select("suite_things", {"name": "lamp"}) == []

    async def test_the_same_unique_value_twice_is_refused(self, database: Database) -> None:
        async with database.transaction() as store:
            await store.insert("suite_things", [a_row("sofa")])
        with pytest.raises(AlreadyExists):
            async with database.transaction() as store:
                await store.insert("suite_things", [a_row("sofa")])

    async def test_the_same_values_of_a_unique_index_twice_are_refused(self, database: Database) -> None:
        with pytest.raises(AlreadyExists):
            async with database.transaction() as store:
                await store.insert("suite_things", [a_row("one", place="attic")])
                await store.insert("suite_things", [a_row("two", place="attic")])

    async def test_an_update_replaces_and_an_upsert_adds_or_replaces(self, database: Database) -> None:
        row = a_row("shelf")
        async with database.transaction() as store:
            await store.insert("suite_things", [row])
            await store.update("suite_things", {row["id"]: {"place": "cellar"}})  # type: ignore[dict-item]
            (changed,) = await store.select("suite_things", {"name": "shelf"})
            assert changed["place"] == "cellar"
            await store.upsert("suite_things", [row | {"place": "hall"}, a_row("rug", place="stairs")])
        async with database.transaction() as store:
            assert [r["place"] for r in await store.select("suite_things", {"name": "shelf"})] == ["hall"]
            assert [r["place"] for r in await store.select("suite_things", {"name": "rug"})] == ["stairs"]

    async def test_what_was_deleted_is_gone(self, database: Database) -> None:
        row = a_row("vase")
        async with database.transaction() as store:
            await store.insert("suite_things", [row])
            await store.delete("suite_things", [row["id"]])  # type: ignore[list-item]
            assert await store.select("suite_things", {"name": "vase"}) == []

    async def test_a_version_of_an_aggregate_is_written_to_the_outbox_once(self, database: Database) -> None:
        key = uuid4()
        async with database.transaction() as store:
            await store.record([an_event(key, 1), an_event(key, 2)])
        with pytest.raises(Exception, match="outbox"):
            async with database.transaction() as store:
                await store.record([an_event(key, 2)])

    async def test_an_answer_is_found_under_its_key(self, database: Database) -> None:
        answer = Answer("ann", "Do", "k1", b"digest", b"answer")
        async with database.transaction() as store:
            await store.record([an_event(uuid4(), 1)], answer)
        async with database.transaction() as store:
            assert await store.find_answer("ann", "Do", "k1") == answer
            assert await store.find_answer("bob", "Do", "k1") is None

    async def test_a_second_answer_under_a_key_is_refused_with_its_events(self, database: Database) -> None:
        aggregate = uuid4()
        async with database.transaction() as store:
            await store.record([], Answer("ann", "Do", "once", b"digest", b"answer"))
        with pytest.raises(AlreadyExists):
            async with database.transaction() as store:
                await store.record([an_event(aggregate, 1)], Answer("ann", "Do", "once", b"digest", b"other"))
        async with database.transaction() as store:
            await store.record([an_event(aggregate, 1)])

    async def test_a_concurrent_twin_waits_for_the_first(self, database: Database) -> None:
        kept, go_on = asyncio.Event(), asyncio.Event()
        answer = Answer("ann", "Do", "twin", b"digest", b"answer")

        async def first() -> None:
            async with database.transaction() as store:
                await store.record([], answer)
                kept.set()
                await go_on.wait()

        async def twin() -> None:
            await kept.wait()
            async with database.transaction() as store:
                await store.record([], answer)

        running = asyncio.create_task(first()), asyncio.create_task(twin())
        await kept.wait()
        done, _ = await asyncio.wait([running[1]], timeout=0.1)
        assert not done
        go_on.set()
        with pytest.raises(AlreadyExists):
            await running[1]
        await running[0]
