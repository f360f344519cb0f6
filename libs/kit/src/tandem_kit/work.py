"""The unit of work: one transaction, the things loaded and changed in it, and the events that they recorded.

A use case loads, calls one method, and returns; the work saves what changed, and writes the outbox, when it ends.
The same code runs over PostgreSQL (`tandem_kit.postgres`) and over memory (`tandem_kit.testing.memory`).
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from aiokafka.partitioner import murmur2
from google.protobuf.message import Message

from tandem_kit.application import Repository, Timers
from tandem_kit.domain import Aggregate, Clock, NotFound, Receipt
from tandem_kit.messages import adapter, to_message
from tandem_kit.policy import EVERYWHERE, Scope
from tandem_kit.tracing import current_traceparent

PARTITIONS = 12
"""Of every topic, for life: another number would send an aggregate's later events elsewhere, out of order."""

Row = Mapping[str, Any]
Lock = Literal["change", "consult", "none"]
T = TypeVar("T", bound="Identified")
W = TypeVar("W", bound="Work")


class Identified(Protocol):
    """A thing that is kept under its id: an aggregate, or a copy of a neighbour's fact."""

    @property
    def id(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event as it waits to be published; its fields are the columns of the outbox."""

    topic: str
    partition: int
    aggregate_id: UUID
    version: int
    type: str
    payload: bytes
    site: str | None
    time: datetime
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer to a command, kept under its idempotency key; its fields are columns of that table."""

    caller: str
    method: str
    key: str
    request_digest: bytes
    response: bytes


class Store(Protocol):
    """What a transaction can do with rows. Rows that are read for change stay locked until it ends."""

    async def select(
        self, table: str, where: Mapping[str, Any], lock: Lock = "change", limit: int | None = None
    ) -> list[Row]:
        """Return, by id, the rows whose columns equal the values (or one of them, where the value is a list)."""

    async def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows; `AlreadyExists` where one breaks a unique constraint."""

    async def update(self, table: str, changes: Mapping[UUID, Row]) -> None:
        """Change, of the row with each id, the columns that are given."""

    async def upsert(self, table: str, rows: Sequence[Row]) -> None:
        """Add or replace rows."""

    async def delete(self, table: str, ids: Sequence[UUID]) -> None:
        """Remove rows."""

    async def record(self, events: Sequence[OutboxRow], answer: Answer | None = None) -> None:
        """Write events to the outbox, and the answer under its key.

        `AlreadyExists` where a version of an aggregate, or the key, was written before; the twin of a command that is
        under way waits here until that one ends.
        """

    async def set_timer(self, key: str, due_at: datetime, command: str, payload: Any, traceparent: str | None) -> None:
        """Add the timer, or replace the one with this key."""

    async def cancel_timer(self, key: str) -> None:
        """Remove the timer, where it exists."""

    async def find_answer(self, caller: str, method: str, key: str) -> Answer | None:
        """Return the first answer under this key."""


class Database(Protocol):
    """Opens transactions."""

    def transaction(self, *, read_only: bool = False) -> AbstractAsyncContextManager[Store]:
        """Commit when the block ends, roll back when it raises."""


class AlreadyExists(Exception):  # noqa: N818 - what happened
    """A row broke a unique constraint: somebody else was first."""


class Topics:
    """Which topic each aggregate's events go to, and the contract's module that has their messages."""

    def __init__(self, topics: Mapping[type[Aggregate], tuple[str, ModuleType]]) -> None:
        self.topics = topics

    def outbox_rows(self, aggregate: Aggregate, at: datetime) -> Iterable[OutboxRow]:
        """Return the aggregate's recorded facts as events."""
        if not aggregate.facts:
            return
        topic, contract = self.topics[type(aggregate)]
        first = aggregate.version - len(aggregate.facts) + 1
        for version, fact in enumerate(aggregate.facts, start=first):
            kind: type[Message] = getattr(contract, type(fact).__name__)
            yield OutboxRow(
                topic=topic,
                partition=partition_of(str(aggregate.id).encode()),
                aggregate_id=aggregate.id,
                version=version,
                type=kind.DESCRIPTOR.full_name,
                payload=to_message(fact, kind).SerializeToString(deterministic=True),
                site=getattr(aggregate, "site", None),
                time=at,
                traceparent=current_traceparent(),
            )


def owner_of(topic: str) -> str:
    """Return the service that publishes a topic: the second word of its name."""
    return topic.split(".")[1]


def partition_of(key: bytes) -> int:
    """Return the partition of a key, as Kafka's own clients compute it."""
    return int(murmur2(key) & 0x7FFFFFFF) % PARTITIONS


class StoredRepository(Generic[T]):
    """The things of one kind that a work has loaded or was given (`tandem_kit.application.Repository`)."""

    def __init__(self, work: "Work", kind: type[T], table: str) -> None:
        self._work = work
        self._kind = kind
        self.table = table
        self._adapter = adapter(kind)
        self._loaded: dict[UUID, tuple[T, dict[str, Any]]] = {}
        self._added: dict[UUID, T] = {}
        self._put: dict[UUID, T] = {}
        self._removed: set[UUID] = set()
        self._touched: dict[UUID, T] = {}

    async def find(self, key: UUID) -> T | None:
        return (await self.find_many([key])).get(key)

    async def consult(self, key: UUID) -> T:
        known = self._known()
        rows = [] if key in known else await self._work.store.select(self.table, {"id": [key]}, lock="consult")
        thing = known.get(key) or next((self._track(row) for row in rows), None)
        if thing is None or not self._within_reach(thing):
            raise NotFound(self._kind.__name__, key)
        return thing

    async def exists(self, **conditions: Any) -> bool:
        await self._save()
        return bool(await self._work.store.select(self.table, conditions, lock="none", limit=1))

    async def get(self, key: UUID) -> T:
        thing = await self.find(key)
        if thing is None:
            raise NotFound(self._kind.__name__, key)
        return thing

    async def find_many(self, keys: Iterable[UUID]) -> dict[UUID, T]:
        wanted = sorted(set(keys))
        known = self._known()
        missing = [key for key in wanted if key not in known]
        if missing:
            for row in await self._work.store.select(self.table, {"id": missing}):
                self._track(row)
            known = self._known()
        return {key: known[key] for key in wanted if key in known and self._within_reach(known[key])}

    async def where(self, **conditions: Any) -> list[T]:
        await self._save()
        things = [self._track(row) for row in await self._work.store.select(self.table, conditions)]
        return [thing for thing in things if self._within_reach(thing)]

    def add(self, thing: T) -> T:
        if not self._within_reach(thing):
            raise NotFound("Site", getattr(thing, "site", None))
        self._added[thing.id] = thing
        return thing

    def put(self, thing: T) -> None:
        self._loaded.pop(thing.id, None)
        self._put[thing.id] = thing

    def remove(self, key: UUID) -> None:
        for known in (self._loaded, self._added, self._put):
            known.pop(key, None)
        self._removed.add(key)

    async def flush(self) -> list[T]:
        """Save what is new or has changed, and return what was touched since the last flush."""
        await self._save()
        touched = list(self._touched.values())
        self._touched.clear()
        return touched

    async def _save(self) -> None:
        """Write what is new or has changed: a query must see what earlier events of its batch did."""
        store = self._work.store
        new, put = self._rows(self._added), self._rows(self._put)
        changed: dict[UUID, dict[str, Any]] = {}
        changes: dict[UUID, dict[str, Any]] = {}
        for key, (thing, before) in self._loaded.items():
            after = self._dump(thing)
            if after != before:
                changed[key] = after
                changes[key] = {column: value for column, value in after.items() if value != before[column]}
        if self._removed:
            await store.delete(self.table, sorted(self._removed))
        if new:
            await store.insert(self.table, list(new.values()))
        if put:
            await store.upsert(self.table, list(put.values()))
        if changed:
            await store.update(self.table, changes)
        touched = self._added | self._put | {key: self._loaded[key][0] for key in changed}
        self._loaded |= {key: (touched[key], row) for key, row in (new | put | changed).items()}
        self._added.clear()
        self._put.clear()
        self._removed.clear()
        self._touched |= touched

    def _rows(self, things: Mapping[UUID, T]) -> dict[UUID, dict[str, Any]]:
        return {key: self._dump(thing) for key, thing in things.items()}

    def _known(self) -> dict[UUID, T]:
        return {key: thing for key, (thing, _) in self._loaded.items()} | self._put | self._added

    def _track(self, row: Row) -> T:
        key = row["id"]
        if key not in self._loaded:
            thing = self._adapter.validate_python(row)
            self._loaded[key] = (thing, self._dump(thing))
        return self._loaded[key][0]

    def _dump(self, thing: T) -> dict[str, Any]:
        row: dict[str, Any] = self._adapter.dump_python(thing)
        return row

    def _within_reach(self, thing: T) -> bool:
        site = getattr(thing, "site", None)
        return site is None or self._work.scope.allows(site)


class StoredTimers:
    """Timers that are written with the work (`tandem_kit.application.Timers`)."""

    def __init__(self, work: "Work") -> None:
        self._work = work

    async def set(self, key: str, due_at: datetime, command: object) -> None:
        kind: Any = type(command)
        payload = adapter(kind).dump_python(command, mode="json")
        await self._work.store.set_timer(key, due_at, kind.__name__, payload, current_traceparent())

    async def cancel(self, key: str) -> None:
        await self._work.store.cancel_timer(key)


class Work:
    """One transaction. Each service's own work adds its repositories."""

    def __init__(self, store: Store, clock: Clock, topics: Topics, scope: Scope) -> None:
        self.store = store
        self.scope = scope
        self.timers: Timers = StoredTimers(self)
        self._clock = clock
        self._topics = topics
        self._repositories: list[StoredRepository[Any]] = []
        self._answer: Answer | None = None

    def answers(self, answer: Answer) -> None:
        """Keep the command's answer with what it changed."""
        self._answer = answer

    def repository(self, kind: type[T], table: str) -> Repository[T]:
        """Return a repository that this work saves."""
        repository = StoredRepository(self, kind, table)
        self._repositories.append(repository)
        return repository

    def receipt_for(self, aggregate: Aggregate) -> Receipt:
        """Return what a command that changed this aggregate answers with."""
        return Receipt(aggregate.id, aggregate.version)

    async def flush(self) -> None:
        """Save everything, and write the events to the outbox, with the answer."""
        events: list[OutboxRow] = []
        for repository in self._repositories:
            for thing in await repository.flush():
                if isinstance(thing, Aggregate):
                    events += self._topics.outbox_rows(thing, self._clock.now())
                    thing.forget_facts()
        if events or self._answer:
            await self.store.record(events, self._answer)
            self._answer = None


class Works(Generic[W]):
    """Opens works of one service."""

    def __init__(self, kind: type[W], database: Database, clock: Clock, topics: Topics) -> None:
        self._kind = kind
        self._database = database
        self._clock = clock
        self._topics = topics

    @asynccontextmanager
    async def begin(self, scope: Scope = EVERYWHERE) -> AsyncIterator[W]:
        """Open a transaction; it commits, with its events, when the block ends, and rolls back when it raises."""
        async with self._database.transaction() as store:
            work = self.over(store, scope)
            yield work
            await work.flush()

    @asynccontextmanager
    async def read(self, scope: Scope = EVERYWHERE) -> AsyncIterator[W]:
        """Open a transaction that locks and saves nothing."""
        async with self._database.transaction(read_only=True) as store:
            yield self.over(store, scope)

    def over(self, store: Store, scope: Scope = EVERYWHERE) -> W:
        """Return a work over a transaction that somebody else ends."""
        return self._kind(store, self._clock, self._topics, scope)
