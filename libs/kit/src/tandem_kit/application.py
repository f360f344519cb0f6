"""What use cases are given: repositories and timers. Only the standard library, so that the application stays pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

T = TypeVar("T")


class Repository(Protocol[T]):
    """The things of one kind, within one transaction and the caller's reach."""

    async def find(self, key: UUID) -> T | None:
        """Return the thing, locked until the work ends, or None."""

    async def get(self, key: UUID) -> T:
        """Return the thing, locked until the work ends; `NotFound` where there is none within the caller's reach."""

    async def consult(self, key: UUID) -> T:
        """Return the thing as it is, which others may consult too but nobody change until the work ends."""

    async def find_many(self, keys: Iterable[UUID]) -> dict[UUID, T]:
        """Return those things that exist, locked in the order of their ids."""

    async def where(self, **conditions: Any) -> list[T]:
        """Return the things whose fields equal the values (or one of them, where the value is a list), by id."""

    async def exists(self, **conditions: Any) -> bool:
        """Tell whether anything has these values; nothing is locked."""

    def add(self, thing: T) -> T:
        """Keep a new thing."""

    def put(self, thing: T) -> None:
        """Keep a thing, whether or not one with its id is known."""

    def remove(self, key: UUID) -> None:
        """Keep the thing no longer."""


class Timers(Protocol):
    """Commands that shall run later, each once, by the programme's clock."""

    async def set(self, key: str, due_at: datetime, command: object) -> None:
        """Run the command when it is due; a timer with the same key is replaced."""

    async def cancel(self, key: str) -> None:
        """Forget the timer, where it exists."""


class Reach(Protocol):
    """The sites that the caller may see and change; None is all of them."""

    @property
    def sites(self) -> frozenset[str] | None: ...

    def allows(self, site: str) -> bool: ...
