"""The store over PostgreSQL."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any, Literal
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import (
    Insert,
    MetaData,
    Select,
    Table,
    TextClause,
    Update,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tandem_kit import tables as kit
from tandem_kit.work import AlreadyExists, Answer, Lock, OutboxRow, Row

_UNIQUE_VIOLATION = "23505"
# A lock not to be had; a session ended because it was idle in a transaction.
_PASSING = {"55P03", "25P03"}
_Comparison = Literal["equals", "in", "is null"]
_CONNECTION, _ROLLED_BACK, _RESOURCES, _OPERATOR = "08", "40", "53", "57"


def make_engine(url: str, pool: int, statement_seconds: float | None = 60.0) -> AsyncEngine:
    """Return an engine for `postgresql://…`; it connects when it is first used."""
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=pool,
        max_overflow=0,
        # A statement that hangs fails, is transient, and is tried again on another connection.
        # A transaction that somebody paused or lost must not hold its rows: another does the work meanwhile.
        connect_args={
            "command_timeout": statement_seconds,
            "server_settings": {
                "idle_in_transaction_session_timeout": "60000",
                "tcp_keepalives_idle": "10",
                "tcp_keepalives_interval": "5",
            },
        },
        # An error's text goes to the log: it must not quote names.
        hide_parameters=True,
        json_serializer=lambda value: to_json(value).decode(),
    )


def is_transient(error: BaseException) -> bool:
    """Tell whether trying again may succeed: connection lost, deadlock, serialisation, resources, shutdown."""
    if isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    # What fails while connecting comes from asyncpg as it is, the rest wrapped by SQLAlchemy.
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, OSError | TimeoutError):
        return True
    state = getattr(cause, "sqlstate", None) or ""
    return state[:2] in {_CONNECTION, _ROLLED_BACK, _RESOURCES, _OPERATOR} or state in _PASSING


class PostgresDatabase:
    """Opens transactions on one service's database."""

    def __init__(self, engine: AsyncEngine, metadata: MetaData) -> None:
        self.engine = engine
        self._metadata = metadata

    @property
    def tables(self) -> Mapping[str, Table]:
        return self._metadata.tables

    def alone(self) -> "PostgresDatabase":
        """Return the same database over one new connection, which remembers no statement and lets each run long."""
        url = self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return PostgresDatabase(make_engine(url, 1, statement_seconds=None), self._metadata)

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncIterator["PostgresStore"]:
        async with self.engine.connect() as connection, connection.begin():
            yield self.store(connection, lock=not read_only)

    def store(self, connection: AsyncConnection, *, lock: bool = True) -> "PostgresStore":
        """Return the store of a transaction that the caller ends."""
        return PostgresStore(connection, self._metadata, lock=lock)


class PostgresStore:
    """One transaction on PostgreSQL."""

    def __init__(self, connection: AsyncConnection, metadata: MetaData, *, lock: bool) -> None:
        self.connection = connection
        self._tables = metadata.tables
        self._lock = lock

    async def select(
        self, table: str, where: Mapping[str, Any], lock: Lock = "change", limit: int | None = None
    ) -> list[Row]:
        shape = tuple((column, _comparison(value)) for column, value in where.items())
        statement = _select(self._tables[table], shape, lock if self._lock else "none", limit)
        return [dict(row) for row in (await self.connection.execute(statement, dict(where))).mappings()]

    async def insert(self, table: str, rows: Sequence[Row]) -> None:
        try:
            await self.connection.execute(_insert(self._tables[table]), rows)
        except IntegrityError as error:
            raise _already_exists(error, table) from error

    async def update(self, table: str, changes: Mapping[UUID, Row]) -> None:
        # Rows that changed in the same columns go together.
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for key, values in changes.items():
            alike[tuple(values)].append({"key": key} | {f"new_{name}": value for name, value in values.items()})
        for columns, parameters in alike.items():
            await self.connection.execute(_update(self._tables[table], columns), parameters)

    async def upsert(self, table: str, rows: Sequence[Row]) -> None:
        await self.connection.execute(_upsert(self._tables[table]), rows)

    async def delete(self, table: str, ids: Sequence[UUID]) -> None:
        t = self._tables[table]
        await self.connection.execute(delete(t).where(t.c.id.in_(list(ids))))

    async def record(self, events: Sequence[OutboxRow], answer: Answer | None = None) -> None:
        given: dict[str, Any] = {name: [getattr(event, name) for event in events] for name in _OUTBOX_COLUMNS}
        try:
            if answer is None:
                await self.connection.execute(_RECORD_EVENTS, given)
            else:
                await self.connection.execute(_RECORD_EVENTS_AND_ANSWER, given | asdict(answer))
        except IntegrityError as error:
            raise _already_exists(error, "outbox, idempotency_keys") from error

    async def set_timer(self, key: str, due_at: datetime, command: str, payload: Any, traceparent: str | None) -> None:
        values = {"due_at": due_at, "command": command, "payload": payload, "traceparent": traceparent}
        fresh = {"attempts": 0, "retry_at": None, "refused_by": None}
        await self.connection.execute(_upsert(kit.timers, "key"), {"key": key} | values | fresh)

    async def cancel_timer(self, key: str) -> None:
        await self.connection.execute(delete(kit.timers).where(kit.timers.c.key == key))

    async def find_answer(self, caller: str, method: str, key: str) -> Answer | None:
        t = kit.idempotency_keys
        query = select(t).where(t.c.caller == caller, t.c.method == method, t.c.key == key)
        row = (await self.connection.execute(query)).first()
        return Answer(row.caller, row.method, row.key, row.request_digest, row.response) if row else None


# Built once for each shape: to build a statement takes SQLAlchemy longer than PostgreSQL takes to answer it.
@cache
def _select(
    table: Table, shape: tuple[tuple[str, _Comparison], ...], lock: Lock, limit: int | None
) -> Select[tuple[Any, ...]]:
    query = select(table).order_by(table.c.id).limit(limit)
    for name, comparison in shape:
        column = table.c[name]
        match comparison:
            case "equals":
                query = query.where(column == bindparam(name, type_=column.type))
            case "in":
                query = query.where(column.in_(bindparam(name, type_=column.type, expanding=True)))
            case "is null":
                query = query.where(column.is_(None))
    return query if lock == "none" else query.with_for_update(read=lock == "consult")


def _comparison(value: object) -> _Comparison:
    return "is null" if value is None else "in" if isinstance(value, list) else "equals"


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


@cache
def _update(table: Table, columns: tuple[str, ...]) -> Update:
    return update(table).where(table.c.id == bindparam("key")).values({c: bindparam(f"new_{c}") for c in columns})


@cache
def _upsert(table: Table, key: str = "id") -> TextClause:
    # As text: SQLAlchemy compiles its own ON CONFLICT anew for every call.
    names = [column.name for column in table.c]
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name != key)
    statement = text(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) "  # noqa: S608
        f"ON CONFLICT ({key}) DO " + (f"UPDATE SET {changes}" if changes else "NOTHING")
    )
    return statement.bindparams(*(bindparam(column.name, type_=column.type) for column in table.c))


def _already_exists(error: IntegrityError, what: str) -> Exception:
    return AlreadyExists(what) if getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION else error


_OUTBOX_COLUMNS = ("topic", "partition", "aggregate_id", "version", "type", "payload", "site", "time", "traceparent")
_INSERT_EVENTS = """
    INSERT INTO outbox (topic, partition, aggregate_id, version, type, payload, site, time, traceparent)
    SELECT * FROM unnest(
        CAST(:topic AS text[]), CAST(:partition AS int[]), CAST(:aggregate_id AS uuid[]), CAST(:version AS int[]),
        CAST(:type AS text[]), CAST(:payload AS bytea[]), CAST(:site AS text[]), CAST(:time AS timestamptz[]),
        CAST(:traceparent AS text[])
    )
"""
_INSERT_ANSWER = """
    INSERT INTO idempotency_keys (caller, method, key, request_digest, response)
    VALUES (:caller, :method, :key, :request_digest, :response)
"""
_RECORD_EVENTS = text(_INSERT_EVENTS)
_RECORD_EVENTS_AND_ANSWER = text(f"WITH answer AS ({_INSERT_ANSWER}) {_INSERT_EVENTS}")
