"""What every service tells its operators, and lets them do about the events that it set aside."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from tandem_kit import parking, tables
from tandem_kit.consumer import Consumer
from tandem_kit.domain import Clock, Rule, refuse_unless
from tandem_kit.handlers import Subscription
from tandem_kit.parking import ParkedEvent
from tandem_kit.policy import Role
from tandem_kit.rebuild import Rebuild, Rebuilt
from tandem_kit.relay import Relay
from tandem_kit.rpc.server import Method, command, query
from tandem_kit.timers import TimerWorker

gap_of_one_aggregate = Rule(
    "gap_of_one_aggregate",
    en="A gap is passed by for one aggregate at a time: name it.",
    fr="Une lacune se franchit pour un agrégat à la fois : nommez-le.",
)


@dataclass(frozen=True, slots=True)
class GetBacklog:
    """What is still to be done?"""


@dataclass(frozen=True, slots=True)
class Backlog:
    unpublished_events: int
    unread_records: int
    due_timers: int
    parked_events: int
    failed_timers: int
    activity: int


@dataclass(frozen=True, slots=True)
class ListParked:
    """The events that are set aside, page by page."""

    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class ParkedPage:
    events: tuple[ParkedEvent, ...]


@dataclass(frozen=True, slots=True)
class GetParked:
    """One event that is set aside."""

    id: int


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ShownEvent:
    event: ParkedEvent
    headers: tuple[Header, ...]
    payload_json: str


@dataclass(frozen=True, slots=True)
class ReplayParked:
    """Apply what is set aside: of one aggregate, or (empty) of all."""

    aggregate_id: str
    past_gap: bool
    caller: str


@dataclass(frozen=True, slots=True)
class Replayed:
    replayed: int
    remaining: int


@dataclass(frozen=True, slots=True)
class DiscardParked:
    """Give an event up."""

    id: int
    reason: str
    caller: str


@dataclass(frozen=True, slots=True)
class Discarded:
    waiting: int


@dataclass(frozen=True, slots=True)
class RebuildProjections:
    """Make the copies of neighbours' facts anew."""

    owner_restored: bool


def operations(
    relay: Relay, timers: TimerWorker, consumer: Consumer | None, rebuild: Rebuild | None
) -> tuple[Method, ...]:
    """Return the methods of `OperationsService` over the parts of one service."""

    async def get_backlog(_: GetBacklog, work: Any, _clock: Clock) -> Backlog:
        due, refused = await timers.counts(work.store.connection)
        unpublished = await work.store.connection.scalar(
            select(func.count()).select_from(tables.outbox).where(tables.outbox.c.published_at.is_(None))
        )
        parked, _oldest = await parking.counts(work.store.connection)
        return Backlog(
            unpublished_events=unpublished,
            unread_records=await consumer.unread(work.store.connection) if consumer else 0,
            due_timers=due,
            parked_events=sum(parked.values()),
            failed_timers=refused,
            activity=relay.published + timers.run_count + (consumer.applied if consumer else 0),
        )

    async def list_parked(query: ListParked, work: Any, _clock: Clock) -> ParkedPage:
        return ParkedPage(tuple(await parking.page(work.store.connection, query.after, query.limit)))

    async def get_parked(query: GetParked, work: Any, _clock: Clock) -> ShownEvent:
        subscription = consumer.subscription if consumer else Subscription(frozenset())
        event, headers, payload = await parking.shown(work.store.connection, query.id, subscription)
        return ShownEvent(event, tuple(Header(name, value) for name, value in headers), payload)

    async def replay_parked(command: ReplayParked, _work: Any, _clock: Clock) -> Replayed:
        if consumer is None:
            return Replayed(0, 0)
        refuse_unless(command.aggregate_id or not command.past_gap, gap_of_one_aggregate)
        done = await consumer.replay(command.aggregate_id, command.caller, past_gap=command.past_gap)
        return Replayed(*done)

    async def discard_parked(command: DiscardParked, work: Any, _clock: Clock) -> Discarded:
        return Discarded(await parking.discard(work.store.connection, command.id, command.caller, command.reason))

    async def rebuild_projections(command: RebuildProjections, _work: Any, _clock: Clock) -> Rebuilt:
        return await rebuild.run(owner_restored=command.owner_restored) if rebuild else Rebuilt((), 0, 0)

    queries: tuple[Callable[..., Awaitable[Any]], ...] = (list_parked, get_parked)
    commands: tuple[Callable[..., Awaitable[Any]], ...] = (replay_parked, discard_parked, rebuild_projections)
    return (
        query(get_backlog, allow=(Role.SRE, Role.PROGRAMME_MANAGER), everywhere=True),
        *(query(use_case, allow=(Role.SRE,), everywhere=True) for use_case in queries),
        *(command(use_case, allow=(Role.SRE,), everywhere=True) for use_case in commands),
    )
