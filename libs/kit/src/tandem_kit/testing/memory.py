"""The store over memory: for use cases in milliseconds. It passes the suite of the store over PostgreSQL."""

import asyncio
import copy
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import Index, MetaData, Table
from sqlalchemy.dialects.postgresql import JSONB

from tandem_kit.work import AlreadyExists, Answer, Lock, OutboxRow, Row


@dataclass
class _Kept:
    rows: dict[str, dict[UUID, Row]] = field(default_factory=dict)
    outbox: list[OutboxRow] = field(default_factory=list)
    timers: dict[str, tuple[datetime, str, Any]] = field(default_factory=dict)
    answers: dict[tuple[str, str, str], Answer] = field(default_factory=dict)


class MemoryDatabase:
    """One transaction at a time; what a failed one did is forgotten."""

    def __init__(self, metadata: MetaData) -> None:
        self._metadata = metadata
        self._alone = asyncio.Lock()
        self._kept = _Kept()

    @property
    def outbox(self) -> list[OutboxRow]:
        return self._kept.outbox

    @property
    def timers(self) -> dict[str, tuple[datetime, str, Any]]:
        """Of each key: when it is due, the command's name, and its payload."""
        return self._kept.timers

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncIterator["MemoryStore"]:
        async with self._alone:
            draft = copy.deepcopy(self._kept)
            yield MemoryStore(draft, self._metadata)
            if not read_only:
                self._kept = draft


class MemoryStore:
    def __init__(self, kept: _Kept, metadata: MetaData) -> None:
        self._kept = kept
        self._tables = metadata.tables

    async def select(
        self, table: str, where: Mapping[str, Any], lock: Lock = "change", limit: int | None = None
    ) -> list[Row]:
        def fits(row: Row) -> bool:
            return all(row[k] in v if isinstance(v, list) else row[k] == v for k, v in where.items())

        rows = self._kept.rows.get(table, {})
        return [copy.deepcopy(rows[key]) for key in sorted(rows) if fits(rows[key])][:limit]

    async def insert(self, table: str, rows: Sequence[Row]) -> None:
        for row in rows:
            if row["id"] in self._kept.rows.get(table, {}):
                raise AlreadyExists(table)
            self._write(table, row)

    async def update(self, table: str, changes: Mapping[UUID, Row]) -> None:
        rows = self._kept.rows.get(table, {})
        for key, values in changes.items():
            if key in rows:
                self._write(table, {**rows[key], **values})

    async def upsert(self, table: str, rows: Sequence[Row]) -> None:
        for row in rows:
            self._write(table, row)

    async def delete(self, table: str, ids: Sequence[UUID]) -> None:
        for key in ids:
            self._kept.rows.get(table, {}).pop(key, None)

    async def record(self, events: Sequence[OutboxRow], answer: Answer | None = None) -> None:
        versions = {(e.topic, e.aggregate_id, e.version) for e in self._kept.outbox}
        for event in events:
            if (event.topic, event.aggregate_id, event.version) in versions:
                raise AlreadyExists("outbox")
        self._kept.outbox += events
        if answer is not None:
            key = (answer.caller, answer.method, answer.key)
            if key in self._kept.answers:
                raise AlreadyExists("idempotency_keys")
            self._kept.answers[key] = answer

    async def set_timer(self, key: str, due_at: datetime, command: str, payload: Any, traceparent: str | None) -> None:
        self._kept.timers[key] = (due_at, command, payload)

    async def cancel_timer(self, key: str) -> None:
        self._kept.timers.pop(key, None)

    async def find_answer(self, caller: str, method: str, key: str) -> Answer | None:
        return self._kept.answers.get((caller, method, key))

    def _write(self, table: str, row: Row) -> None:
        t = self._tables[table]
        unknown = set(row) ^ set(t.c.keys())
        if unknown:
            raise KeyError(f"{table}: {sorted(unknown)}")
        kept = {k: _as_kept(t, k, v) for k, v in row.items()}
        for other in self._kept.rows.setdefault(table, {}).values():
            if other["id"] != kept["id"] and any(_same(other, kept, columns) for columns in _unique(t)):
                raise AlreadyExists(table)
        self._kept.rows[table][kept["id"]] = kept


def _as_kept(table: Table, column: str, value: Any) -> Any:
    # JSON comes back as JSON: identifiers as text, tuples as lists.
    return from_json(to_json(value)) if isinstance(table.c[column].type, JSONB) else value


def _unique(table: Table) -> list[list[str]]:
    """Return the columns of every unique constraint; partial ones are PostgreSQL's alone."""
    found = [[column.name] for column in table.c if column.unique]
    indexes: list[Index] = [i for i in table.indexes if i.unique and i.dialect_options["postgresql"]["where"] is None]
    return found + [[column.name for column in index.columns] for index in indexes]


def _same(a: Row, b: Row, columns: list[str]) -> bool:
    return all(a[column] is not None and a[column] == b[column] for column in columns)
