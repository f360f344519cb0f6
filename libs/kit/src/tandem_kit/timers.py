"""Runs the commands of timers that are due, each once.

A timer whose command has an *errand* first asks a neighbour, outside any transaction; the errand returns the command
that then runs. A timer that meets a fault waits and tries again; one that a rule refuses is kept for a person to see.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, get_type_hints

from grpc import StatusCode
from grpc.aio import AioRpcError
from opentelemetry.trace import SpanKind
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from tandem_kit import metrics
from tandem_kit.domain import Clock, NotFound, RuleBroken
from tandem_kit.handlers import UseCases
from tandem_kit.logs import get_log
from tandem_kit.messages import adapter
from tandem_kit.postgres import PostgresDatabase, is_transient
from tandem_kit.tables import timers
from tandem_kit.tracing import context_from, span
from tandem_kit.work import AlreadyExists, Works

Errand = Callable[[Any, Clock], Awaitable[object | None]]

_MOST_BACK_OFF_SECONDS = 60.0
_AT_ONCE = 16


def errands(*functions: Errand) -> dict[str, tuple[type, Errand]]:
    """Return the errands by the name of the type that each takes first."""
    kinds = [(next(iter(get_type_hints(function).values())), function) for function in functions]
    return {kind.__name__: (kind, function) for kind, function in kinds}


def _is_away(error: Exception) -> bool:
    return isinstance(error, AioRpcError) and error.code() in {StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED}


class TimerWorker:
    """Runs until it is cancelled."""

    def __init__(
        self,
        service: str,
        database: PostgresDatabase,
        works: Works[Any],
        use_cases: UseCases,
        errands: Mapping[str, tuple[type, Errand]],
        clock: Clock,
        poll_seconds: float,
    ) -> None:
        self._service = service
        self._database = database
        self._works = works
        self._use_cases = use_cases
        self._errands = errands
        self._clock = clock
        self._poll_seconds = poll_seconds
        self.run_count = 0
        """Timers run since the start."""

    async def run(self) -> None:
        while True:
            try:
                due = await self._due()
                await asyncio.gather(*(self._run_one(timer) for timer in due))
            except Exception as error:  # noqa: BLE001 - the worker goes on
                if not is_transient(error):
                    get_log().exception("timers_failed")
                due = []
            if not due:
                await asyncio.sleep(self._poll_seconds)

    async def counts(self, connection: AsyncConnection) -> tuple[int, int]:
        """Return how many timers are due, and how many were refused by a rule."""
        due = await connection.scalar(
            select(func.count()).where(timers.c.due_at <= self._clock.now(), timers.c.refused_by.is_(None))
        )
        refused = await connection.scalar(select(func.count()).where(timers.c.refused_by.is_not(None)))
        return due or 0, refused or 0

    async def _due(self) -> list[Row[Any]]:
        waits = or_(timers.c.retry_at.is_(None), timers.c.retry_at <= func.now())
        query = (
            select(timers)
            .where(timers.c.due_at <= self._clock.now(), timers.c.refused_by.is_(None), waits)
            .order_by(timers.c.due_at, timers.c.key)
            .limit(_AT_ONCE)
        )
        async with self._database.engine.connect() as connection:
            return list(await connection.execute(query))

    async def _run_one(self, timer: Row[Any]) -> None:
        parent = context_from({"traceparent": timer.traceparent}) if timer.traceparent else None
        with span(f"timer {timer.command}", SpanKind.CONSUMER, parent=parent):
            try:
                await self._command_of(timer)
            except (RuleBroken, NotFound) as refusal:
                name = refusal.rule.name if isinstance(refusal, RuleBroken) else "not_found"
                get_log().warning("timer_refused", timer=timer.key, rule=name)
                await self._note(timer, refused_by=name)
                outcome = "refused"
            except Exception as error:  # noqa: BLE001 - a timer is never given up
                if not (is_transient(error) or isinstance(error, AlreadyExists) or _is_away(error)):
                    get_log().exception("timer_failed", timer=timer.key)
                pause = min(_MOST_BACK_OFF_SECONDS, 0.2 * 2 ** min(timer.attempts, 10)) * random.uniform(0.5, 1)
                until = datetime.fromtimestamp(time.time() + pause, UTC)
                await self._note(timer, attempts=timer.attempts + 1, retry_at=until)
                outcome = "failed"
            else:
                outcome = "done"
                self.run_count += 1
        metrics.TIMERS.labels(self._service, outcome).inc()

    async def _command_of(self, timer: Row[Any]) -> None:
        command: object | None
        if timer.command in self._errands:
            kind, errand = self._errands[timer.command]
            command = await errand(adapter(kind).validate_python(timer.payload), self._clock)
        else:
            command = adapter(self._use_cases.command_types[timer.command]).validate_python(timer.payload)
        async with self._works.begin() as work:
            connection = work.store.connection
            taken = await connection.execute(
                delete(timers).where(timers.c.key == timer.key, timers.c.due_at == timer.due_at).returning(timers.c.key)
            )
            if taken.first() is not None and command is not None:
                await self._use_cases.handler_for(command)(command, work, self._clock)

    async def _note(self, timer: Row[Any], **values: object) -> None:
        async with self._database.engine.begin() as connection:
            await connection.execute(
                update(timers).where(timers.c.key == timer.key, timers.c.due_at == timer.due_at).values(**values)
            )
