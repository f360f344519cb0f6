"""The store over PostgreSQL."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import MetaData, Table, bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tandem_kit import tables as kit
from tandem_kit.work import AlreadyExists, Lock, OutboxRow, Row

_UNIQUE_VIOLATION = "23505"
_CONNECTION, _ROLLED_BACK, _RESOURCES, _OPERATOR = "08", "40", "53", "57"


def make_engine(url: str, pool: int) -> AsyncEngine:
    """Return an engine for `postgresql://…`; it connects when it is first used."""
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=pool,
        max_overflow=0,
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
    return state[:2] in {_CONNECTION, _ROLLED_BACK, _RESOURCES, _OPERATOR}


class PostgresDatabase:
    """Opens transactions on one service's database."""

    def __init__(self, engine: AsyncEngine, metadata: MetaData) -> None:
        self.engine = engine
        self._metadata = metadata

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
        t = self._tables[table]
        query = select(t).order_by(t.c.id).limit(limit)
        for column, value in where.items():
            query = query.where(t.c[column].in_(value) if isinstance(value, list) else t.c[column] == value)
        if self._lock and lock != "none":
            query = query.with_for_update(read=lock == "consult")
        return [dict(row._mapping) for row in await self.connection.execute(query)]  # noqa: SLF001 - a public name

    async def insert(self, table: str, rows: Sequence[Row]) -> None:
        try:
            await self.connection.execute(insert(self._tables[table]), rows)
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION:
                raise AlreadyExists(table) from error
            raise

    async def update(self, table: str, changes: Mapping[UUID, Row]) -> None:
        t = self._tables[table]
        # Rows that changed in the same columns go together.
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for key, values in changes.items():
            alike[tuple(values)].append({"key": key} | {f"new_{name}": value for name, value in values.items()})
        for columns, parameters in alike.items():
            statement = update(t).where(t.c.id == bindparam("key")).values({c: bindparam(f"new_{c}") for c in columns})
            await self.connection.execute(statement, parameters)

    async def upsert(self, table: str, rows: Sequence[Row]) -> None:
        t = self._tables[table]
        statement = pg_insert(t)
        changes = {column.name: statement.excluded[column.name] for column in t.c if column.name != "id"}
        if changes:
            statement = statement.on_conflict_do_update(index_elements=["id"], set_=changes)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=["id"])
        await self.connection.execute(statement, rows)

    async def delete(self, table: str, ids: Sequence[UUID]) -> None:
        t = self._tables[table]
        await self.connection.execute(delete(t).where(t.c.id.in_(list(ids))))

    async def append(self, events: Sequence[OutboxRow]) -> None:
        await self.connection.execute(insert(kit.outbox), [asdict(event) for event in events])

    async def set_timer(self, key: str, due_at: datetime, command: str, payload: Any, traceparent: str | None) -> None:
        values = {"due_at": due_at, "command": command, "payload": payload, "traceparent": traceparent}
        fresh = {"attempts": 0, "retry_at": None, "refused_by": None}
        await self.connection.execute(
            pg_insert(kit.timers)
            .values(key=key, **values)
            .on_conflict_do_update(index_elements=["key"], set_=values | fresh)
        )

    async def cancel_timer(self, key: str) -> None:
        await self.connection.execute(delete(kit.timers).where(kit.timers.c.key == key))

    async def claim_key(self, caller: str, method: str, key: str, digest: bytes) -> tuple[bytes, bytes | None] | None:
        t = kit.idempotency_keys
        claimed = await self.connection.execute(
            pg_insert(t)
            .values(caller=caller, method=method, key=key, request_digest=digest)
            .on_conflict_do_nothing()
            .returning(t.c.key)
        )
        if claimed.first() is not None:
            return None
        used = await self.connection.execute(
            select(t.c.request_digest, t.c.response).where(t.c.caller == caller, t.c.method == method, t.c.key == key)
        )
        first = used.one()
        return first.request_digest, first.response

    async def keep_response(self, caller: str, method: str, key: str, response: bytes) -> None:
        t: Table = kit.idempotency_keys
        await self.connection.execute(
            update(t).where(t.c.caller == caller, t.c.method == method, t.c.key == key).values(response=response)
        )
