"""One service's use cases over memory, driven as its callers, events and timers drive them."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from sqlalchemy import MetaData

from tandem_kit.handlers import UseCases
from tandem_kit.messages import adapter
from tandem_kit.policy import EVERYWHERE, Scope
from tandem_kit.rpc.server import Method
from tandem_kit.testing.clock import FixedClock
from tandem_kit.testing.memory import MemoryDatabase
from tandem_kit.work import Topics, Work, Works

W = TypeVar("W", bound=Work)


class House(Generic[W]):
    """`has` gives it things, `does` runs a command or query, `facts` are the events recorded by commands since."""

    def __init__(
        self,
        kind: type[W],
        topics: Topics,
        metadata: MetaData,
        methods: Iterable[Method],
        handlers: Iterable[Callable[..., Any]] = (),
    ) -> None:
        self.clock = FixedClock()
        self.database = MemoryDatabase(metadata)
        self.works = Works(kind, self.database, self.clock, topics)
        self._use_cases = UseCases(*(method.use_case for method in methods), *handlers)
        contracts = {contract for _, contract in topics.topics.values()}
        self._messages: dict[str, type[Message]] = {
            message.full_name: getattr(contract, name)
            for contract in contracts
            for name, message in contract.DESCRIPTOR.message_types_by_name.items()
        }
        self._told = 0

    async def has(self, *things: Any) -> None:
        """Keep things as if they had come about before; their facts are not told."""
        async with self.works.begin() as work:
            by_kind = {r._kind: r for r in work._repositories}  # noqa: SLF001 - the kit's own
            for thing in things:
                by_kind[type(thing)].add(thing)
        self.facts()

    async def does(self, command: object, scope: Scope = EVERYWHERE) -> Any:
        """Run the use case of a command or query, in a transaction."""
        async with self.works.begin(scope) as work:
            return await self._use_cases.handler_for(command)(command, work, self.clock)

    def facts(self) -> list[Message]:
        """Return the events recorded since the last call."""
        rows = self.database.outbox[self._told :]
        self._told = len(self.database.outbox)
        return [self._messages[row.type].FromString(row.payload) for row in rows]

    def told(self) -> list[str]:
        """Return the names of the events recorded since the last call."""
        return [type(fact).__name__ for fact in self.facts()]

    async def lets_pass(self, time: timedelta) -> None:
        """Move the clock, and run the commands of timers that come due; errands stay."""
        self.clock.advance(time)
        due = {key: timer for key, timer in self.database.timers.items() if timer[0] <= self.clock.now()}
        for key, (_, name, payload) in due.items():
            if name in self._use_cases.command_types:
                command = adapter(self._use_cases.command_types[name]).validate_python(payload)
                async with self.works.begin() as work:
                    await work.timers.cancel(key)
                    await self._use_cases.handler_for(command)(command, work, self.clock)

    async def sees(self, kind: type[Any], key: Any) -> Any:
        """Return a thing as it is now."""
        async with self.works.read() as work:
            repository = next(r for r in work._repositories if r._kind is kind)  # noqa: SLF001 - the kit's own
            return await repository.get(key)
