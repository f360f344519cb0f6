"""What every act of the demo has at hand: the client, the clock, the cast, and how calls are made together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tandem.enrolment.v1.blueprint_pb2 import Blueprint
from tandem_cli.client import Client
from tandem_cli.clock import advance
from tandem_cli.demo.cast import Cast, Chance
from tandem_cli.demo.words import Words
from tandem_kit.clock import SteeredClock

A = TypeVar("A")
T = TypeVar("T")

_AT_ONCE = 24


@dataclass
class Record:
    """What happened, by HRIS reference: the same seed gives the same record."""

    declines: list[tuple[str, str]] = field(default_factory=list)
    """Mentor and mentee of each proposal that one of them declined."""
    cancelled_sessions: int = 0
    withdrawn: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    waitlisted: int = 0
    promoted: int = 0
    refused_registrations: int = 0


@dataclass
class Stage:
    client: Client
    run: Path
    console: Console
    words: Words
    chance: Chance
    cast: Cast
    blueprint: Blueprint
    programme: str
    began: datetime
    record: Record = field(default_factory=Record)

    @property
    def modules(self) -> list[str]:
        return [module.code for module in self.blueprint.curriculum]

    def now(self) -> datetime:
        return SteeredClock(self.run / "clock").now()

    async def until(self, moment: datetime) -> None:
        """Let everything come to rest, then move the programme's time forward to a moment, and rest again."""
        await self.client.settle()
        ahead = moment - self.now()
        if ahead > timedelta():
            advance(self.run, ahead)
            await self.client.settle()

    def day(self, number: float) -> datetime:
        """Return the morning (8:00 UTC) of a day of the programme."""
        morning = self.began.replace(hour=8, minute=0, second=0, microsecond=0)
        return morning + timedelta(days=number)

    async def together(self, title: str, call: Callable[[A], Awaitable[T]], items: Sequence[A]) -> list[T]:
        """Make a call for each item, some at a time, and show how far they are."""
        async with self.progress(title, len(items)) as step:
            gate = asyncio.Semaphore(_AT_ONCE)

            async def one(item: A) -> T:
                async with gate:
                    result = await call(item)
                step()
                return result

            return list(await asyncio.gather(*(one(item) for item in items)))

    async def in_turn(self, title: str, call: Callable[[A], Awaitable[T]], items: Sequence[A]) -> list[T]:
        """Make a call for each item, one after the other: their order counts."""
        async with self.progress(title, len(items)) as step:
            results = []
            for item in items:
                results.append(await call(item))
                step()
            return results

    @asynccontextmanager
    async def progress(self, title: str, total: int) -> AsyncIterator["_Step"]:
        columns = (TextColumn("  {task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=total)
            yield _Step(progress, task)

    def say(self, key: str, **details: object) -> None:
        self.console.print(f"  [green]✓[/] {self.words.of(key, **details)}")


class _Step:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def __call__(self) -> None:
        self._progress.advance(self._task)


def timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def references(people: Iterable[str], cast: Cast) -> list[str]:
    """Return the HRIS references of people by id."""
    known = cast.everybody()
    return sorted(known[person].reference for person in people)
