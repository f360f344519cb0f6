"""What a domain is made of: rules with their sentence, aggregates that record facts, a clock that is passed in.

The only module of the kit that a domain may import, so it imports nothing but the standard library.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the business: its name, and what a person is told who breaks it."""

    name: str
    en: str
    fr: str


class RuleBroken(Exception):  # noqa: N818 - the domain's word
    """A command was refused by a rule. Nothing has changed."""

    def __init__(self, rule: Rule, **details: object) -> None:
        super().__init__(rule.name)
        self.rule = rule
        self.details = details

    def sentence(self, language: str) -> str:
        """What the rule says, with its details filled in; `language` is `fr` or anything else for English."""
        return (self.rule.fr if language == "fr" else self.rule.en).format(**self.details)


class NotFound(Exception):  # noqa: N818
    """There is no such thing, or the caller may not know of it."""

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"{kind} {key}")
        self.kind = kind
        self.key = key


class Malformed(Exception):  # noqa: N818
    """Something given is not well formed; every problem with the path of its field, as `curriculum[2].minutes`."""

    def __init__(self, problems: Sequence[tuple[str, RuleBroken]]) -> None:
        super().__init__(", ".join(path for path, _ in problems))
        self.problems = problems


def refuse_unless(condition: object, rule: Rule, **details: object) -> None:
    """Break the rule unless the condition holds."""
    if not condition:
        raise RuleBroken(rule, **details)


class Clock(Protocol):
    """Tells the programme's time."""

    def now(self) -> datetime:
        """Return an aware time in UTC."""


class Event(Protocol):
    """A fact, in the past tense: any frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(kw_only=True)
class Aggregate:
    """A thing that changes as a whole, and records each change as a fact. Its version counts the facts."""

    id: UUID
    version: int = 0

    def __post_init__(self) -> None:
        self._facts: list[Event] = []

    def record(self, fact: Event) -> None:
        """Note a fact; it leaves through the outbox when the command's transaction commits."""
        self.version += 1
        self._facts.append(fact)

    @property
    def facts(self) -> Collection[Event]:
        """The facts recorded since the aggregate was loaded."""
        return tuple(self._facts)

    def forget_facts(self) -> None:
        """The facts are in the outbox."""
        self._facts.clear()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command answers with: the aggregate that it changed, and its version after that."""

    id: UUID
    version: int
