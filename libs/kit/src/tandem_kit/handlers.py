"""What a service does with its neighbours' events.

A *projection* keeps a copy of a fact, and can be rebuilt from the events: applied again over a newer copy, the events
have to end with the same. A *reaction* answers an event with commands,
and is never repeated. Neither calls anybody: a reaction that has to ask a neighbour sets a timer due now, whose errand
asks (`tandem_kit.timers`).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from google.protobuf.message import Message

from tandem_kit.cloudevents import Envelope

Projection = Callable[[Any, Envelope, Any], Awaitable[None]]
Reaction = Callable[[Any, Envelope], object | Sequence[object] | None]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which topics a service reads, and its handlers by the name of the event's message."""

    topics: frozenset[str]
    messages: dict[str, type[Message]] = field(default_factory=dict)
    projections: dict[str, list[Projection]] = field(default_factory=dict)
    reactions: dict[str, list[Reaction]] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    """The work's repositories that the projections write, and nobody else."""

    def know(self, handler: Projection | Reaction) -> str:
        """Note the message that a handler takes, and return its name."""
        message: type[Message] = next(iter(get_type_hints(handler).values()))
        name: str = message.DESCRIPTOR.full_name
        self.messages[name] = message
        return name


def subscribe(
    topics: Iterable[str], *, projections: Iterable[Projection], reactions: Iterable[Reaction]
) -> Subscription:
    """Return the subscription; each handler says by the type of its first parameter which event it is for."""
    subscription = Subscription(frozenset(topics))
    for project in projections:
        subscription.projections.setdefault(subscription.know(project), []).append(project)
        facts = list(get_type_hints(project).values())[2]
        subscription.facts[:] = sorted(get_type_hints(facts))
    for react in reactions:
        subscription.reactions.setdefault(subscription.know(react), []).append(react)
    return subscription


class UseCases:
    """A service's commands: each is a dataclass, and its handler takes it with the work and the clock."""

    def __init__(self, *handlers: Callable[[Any, Any, Any], Awaitable[Any]]) -> None:
        self._by_command = {next(iter(get_type_hints(handler).values())): handler for handler in handlers}
        self.command_types = {command.__name__: command for command in self._by_command}

    def handler_for(self, command: object) -> Callable[[Any, Any, Any], Awaitable[Any]]:
        """Return the handler of a command."""
        return self._by_command[type(command)]
