import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from uuid import UUID, uuid4

from sqlalchemy import select

from tandem_kit.domain import Clock, Rule, RuleBroken
from tandem_kit.handlers import UseCases
from tandem_kit.postgres import PostgresDatabase
from tandem_kit.tables import timers
from tandem_kit.testing.clock import FixedClock
from tandem_kit.testing.eventually import eventually
from tandem_kit.timers import TimerWorker, errands
from tandem_kit.work import Topics, Work, Works

NO = Rule("no", en="No.", fr="Non.")


@dataclass(frozen=True, slots=True)
class Ring:
    bell: UUID


@dataclass(frozen=True, slots=True)
class AskForRing:
    bell: UUID


class Bells:
    """Two workers over one database, as two replicas are."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.clock = FixedClock()
        self.rung: list[UUID] = []
        self.asked = 0
        self.refuse = False
        self.database = database
        self.works = Works(Work, database, self.clock, Topics({}))

        async def ring(command: Ring, work: Any, clock: Clock) -> None:
            if self.refuse:
                raise RuleBroken(NO)
            self.rung.append(command.bell)

        async def ask(errand: AskForRing, clock: Clock) -> Ring:
            self.asked += 1
            if self.asked < 3:
                raise OSError("the neighbour is away")
            return Ring(errand.bell)

        args = (self.works, UseCases(ring), errands(ask), self.clock, 0.02)
        self.workers = [TimerWorker("test", database, *args) for _ in range(2)]

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(worker.run()) for worker in self.workers]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def set(self, key: str, command: object, after: timedelta) -> None:
        async with self.works.begin() as work:
            await work.timers.set(key, self.clock.now() + after, command)

    async def no_timer_left(self) -> bool:
        async with self.database.engine.connect() as connection:
            return (await connection.execute(select(timers))).first() is None


async def test_a_timer_runs_once_when_the_programmes_clock_says_so(matching_database: PostgresDatabase) -> None:
    bell = uuid4()
    async with Bells(matching_database) as bells:
        await bells.set("bell", Ring(bell), timedelta(days=3))
        bells.clock.advance(timedelta(days=2))
        async with matching_database.engine.connect() as connection:
            due, _ = await bells.workers[0].counts(connection)
        assert (due, bells.rung) == (0, [])
        bells.clock.advance(timedelta(days=1))
        await eventually(bells.no_timer_left)
    assert bells.rung == [bell]


async def test_many_timers_run_once_each_between_two_workers(matching_database: PostgresDatabase) -> None:
    async with Bells(matching_database) as bells:
        for number in range(60):
            await bells.set(f"bell/{number}", Ring(uuid4()), timedelta())
        await eventually(bells.no_timer_left)
    assert len(bells.rung) == len(set(bells.rung)) == 60


async def test_a_timer_that_was_set_again_runs_at_the_new_time_alone(matching_database: PostgresDatabase) -> None:
    first, second = uuid4(), uuid4()
    async with Bells(matching_database) as bells:
        await bells.set("bell", Ring(first), timedelta(days=1))
        await bells.set("bell", Ring(second), timedelta(days=2))
        bells.clock.advance(timedelta(days=3))
        await eventually(bells.no_timer_left)
    assert bells.rung == [second]


async def test_an_errand_that_meets_a_fault_is_tried_again(matching_database: PostgresDatabase) -> None:
    bell = uuid4()
    async with Bells(matching_database) as bells:
        await bells.set("bell", AskForRing(bell), timedelta())
        await eventually(bells.no_timer_left)
    assert bells.rung == [bell]


async def test_a_timer_that_a_rule_refuses_is_kept_for_a_person_to_see(matching_database: PostgresDatabase) -> None:
    async with Bells(matching_database) as bells:
        bells.refuse = True
        await bells.set("bell", Ring(uuid4()), timedelta())

        async def refused() -> bool:
            async with matching_database.engine.connect() as connection:
                return await bells.workers[0].counts(connection) == (0, 1)

        await eventually(refused)
