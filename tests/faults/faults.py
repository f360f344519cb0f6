"""What can go wrong, by name. Each strikes while events are on their way, and ends with everything allowed to heal."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

from tandem_kit.cloudevents import headers_of
from tandem_kit.testing.eventually import eventually
from tandem_kit.work import AlreadyExists
from tests.faults.cluster import NODES, Cluster
from tests.faults.rig import ACKNOWLEDGED, AS_PLANTED, IN_KAFKA, IN_ORDER, NOTHING_LOST, ONCE, Rig
from tests.faults.worker import EVENT, POINTS, event_of

Strike = Callable[[Rig], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, and the check that would fail if Tandem did not bear it."""

    threatens: str
    strike: Strike


PROCESSES = ("relay-1", "relay-2", "consumer-1", "consumer-2")


def _headers(aggregate: UUID, version: int, type_: str = EVENT) -> list[tuple[str, bytes]]:
    event = event_of("", aggregate, version)
    return headers_of(
        service="matching",
        type_=type_,
        aggregate_id=aggregate,
        version=version,
        time=event.time,
        site=None,
        traceparent=None,
    )


async def _send(rig: Rig, aggregate: UUID, *versions: int) -> None:
    for version in versions:
        payload = event_of("", aggregate, version).payload
        await rig.send_raw(aggregate, payload, _headers(aggregate, version))


async def killed(name: str, rig: Rig) -> None:
    rig.signal(name, signal.SIGKILL)
    await rig.dies(name)


async def killed_at(point: str, rig: Rig) -> None:
    """Replace every process of the role by one that dies there; ordinary ones take its place."""
    role = point.partition(" ")[0]
    names = [name for name in PROCESSES if name.startswith(role)]
    for name in names:
        await rig.stop(name, signal.SIGKILL)
    await rig.start(names[0], "--die-at", point, "--times", str(rig.random.randint(1, 4)))
    await rig.dies(names[0])
    await rig.start(names[1])


async def stopped(name: str, rig: Rig) -> None:
    """Outlasts the session: another takes over, and the first wakes up believing that nothing happened."""
    rig.signal(name, signal.SIGSTOP)
    await asyncio.sleep(rig.lengths.beyond_session)
    rig.signal(name, signal.SIGCONT)


async def all_consumers_stopped(rig: Rig) -> None:
    await asyncio.gather(stopped("consumer-1", rig), stopped("consumer-2", rig))


async def server_killed(name: str, rig: Rig) -> None:
    process = rig.servers.process(name)
    if process is not None:
        process.kill()
        await asyncio.to_thread(process.wait, 10)
    await rig.servers.start()


async def broker_away(rig: Rig) -> None:
    """For longer than a producer tries."""
    process = rig.servers.process("kafka")
    if process is not None:
        process.kill()
        await asyncio.to_thread(process.wait, 10)
    await asyncio.sleep(max(rig.lengths.outage, rig.lengths.beyond_request))
    await rig.servers.start()


async def server_stopped(name: str, rig: Rig) -> None:
    process = rig.servers.process(name)
    if process is not None:
        process.suspend()
        await asyncio.sleep(rig.lengths.beyond_session)
        process.resume()


async def relay_loses_its_session(rig: Rig) -> None:
    for _ in range(3):
        await rig.ask(
            rig.source_url, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        )
        await asyncio.sleep(rig.random.uniform(0.05, 0.4))


async def connections_cut(which: str, rig: Rig) -> None:
    url = rig.source_url if which == "source" else rig.target_url
    for _ in range(8):
        with suppress(Exception):
            await rig.ask(
                url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
        await asyncio.sleep(rig.random.uniform(0.01, 0.2))


async def statements_fail(sqlstate: str, rig: Rig) -> None:
    """The handler's statements fail as on a full disk, in a deadlock, …; the events wait."""
    await rig.do(
        rig.target_url,
        "CREATE FUNCTION hurt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION 'on purpose' USING ERRCODE = '{sqlstate}'; END $$; "
        "CREATE TRIGGER hurt BEFORE INSERT ON ledger FOR EACH STATEMENT EXECUTE FUNCTION hurt()",
    )
    await asyncio.sleep(1.0)
    await rig.do(rig.target_url, "DROP FUNCTION hurt CASCADE")


async def rebalance_storm(rig: Rig) -> None:
    for number in range(4):
        await rig.start(f"consumer-storm-{number}", keep=False)
        await asyncio.sleep(rig.random.uniform(0.3, 0.8))
        await rig.stop(f"consumer-storm-{number}", rig.random.choice([signal.SIGTERM, signal.SIGKILL]))


async def rolling_restart(rig: Rig) -> None:
    for name in PROCESSES:
        rig.signal(name, signal.SIGTERM)
        await rig.dies(name)


async def published_twice(rig: Rig) -> None:
    """As by a relay that died between Kafka's acknowledgement and its own mark."""
    query = "UPDATE outbox SET published_at = NULL WHERE id > (SELECT max(id) - 500 FROM outbox) RETURNING id"
    await rig.ask(rig.source_url, query)


async def late_commit(rig: Rig) -> None:
    """A transaction that took its ids early commits when later ids are long published."""
    aggregate = uuid4()
    events = [event_of(rig.topic, aggregate, 1), event_of(rig.topic, aggregate, 2)]
    async with rig.source.transaction() as store:
        await store.record(events)
        await asyncio.sleep(1.0)
    rig.acknowledge(events)


async def two_writers(rig: Rig) -> None:
    """Both read the same version, and both write the next; the second is refused, and takes the one after."""
    for _ in range(5):
        aggregate, both_have_read = uuid4(), asyncio.Barrier(2)
        await asyncio.gather(*(_write_next(rig, aggregate, both_have_read) for _ in range(2)))


async def _write_next(rig: Rig, aggregate: UUID, both_have_read: asyncio.Barrier) -> None:
    version = 1
    await both_have_read.wait()
    while True:
        event = event_of(rig.topic, aggregate, version)
        try:
            async with rig.source.transaction() as store:
                await store.record([event])
        except AlreadyExists:
            version += 1
        else:
            rig.acknowledge([event])
            return


async def oversize(rig: Rig) -> None:
    """Kafka takes every event but one; when it is told to, it takes that one too."""
    await asyncio.to_thread(rig.configure_topic, max_message_bytes="200000")
    aggregate = uuid4()
    await rig.commit([event_of(rig.topic, aggregate, 1, size=300_000), event_of(rig.topic, aggregate, 2)])
    await asyncio.sleep(1.5)
    await asyncio.to_thread(rig.configure_topic, max_message_bytes="1048588")


async def wall_clock_steps(rig: Rig) -> None:
    """Every process goes on with a wall clock that jumps an hour to and fro."""
    for name in PROCESSES:
        await rig.stop(name, signal.SIGKILL)
        await rig.start(name, "--stepping-clock")
    await asyncio.sleep(3.0)
    for name in PROCESSES:
        await killed(name, rig)


async def standby_promoted(rig: Rig) -> None:
    """A thirteenth consumer rests, without a partition, beyond its poll interval; then it is the only one."""
    others = ["consumer-1", "consumer-2", *(f"consumer-{number}" for number in range(3, 13))]
    for name in others[2:]:
        await rig.start(name, keep=False)
    await rig.start("consumer-standby", keep=False)
    await asyncio.sleep(rig.lengths.idle)
    for name in others:
        await rig.stop(name)
    before = await rig.handled()

    async def goes_on() -> bool:
        return await rig.handled() > before

    await eventually(goes_on, 60)
    for name in others[:2]:
        await rig.start(name)
    await rig.stop("consumer-standby")


async def leaders_killed(rig: Rig) -> None:
    """One broker after the other, the next when all replicas are in sync again."""
    cluster = _cluster(rig)
    for node in NODES:
        await cluster.kill(node)
        await asyncio.sleep(rig.random.uniform(0.2, rig.lengths.beyond_session))
        await cluster.start()
        await cluster.in_sync(rig.topic)


async def too_few_in_sync(rig: Rig) -> None:
    """With one of three brokers nothing can be acknowledged, for longer than a producer tries."""
    cluster = _cluster(rig)
    for node in NODES[:2]:
        await cluster.kill(node)
    await asyncio.sleep(rig.lengths.beyond_request)
    await cluster.start()
    await cluster.in_sync(rig.topic)


async def leaderless(rig: Rig) -> None:
    """Of a topic with one replica, a third of the partitions have no leader for longer than a producer tries."""
    cluster = _cluster(rig)
    await cluster.kill(NODES[2])

    async def some_have_no_leader() -> bool:
        return any(partition["leader"] == -1 for partition in await cluster.partitions_of(rig.topic))

    await eventually(some_have_no_leader, 30)
    await asyncio.sleep(rig.lengths.beyond_request)
    await cluster.start()


def _cluster(rig: Rig) -> Cluster:
    assert isinstance(rig.servers, Cluster)
    return rig.servers


async def database_restored(rig: Rig, *, under_running_consumers: bool) -> None:
    """The consumers' database goes back to an earlier point; they catch up from there."""
    await rig.do(
        rig.target_url,
        "BEGIN ISOLATION LEVEL REPEATABLE READ; CREATE TABLE watermarks_before AS TABLE watermarks; "
        "CREATE TABLE offsets_before AS TABLE consumer_offsets; "
        "CREATE TABLE ledger_before AS SELECT id FROM ledger; COMMIT",
    )
    await asyncio.sleep(1.0)
    names = [] if under_running_consumers else [name for name in PROCESSES if name.startswith("consumer")]
    for name in names:
        await rig.stop(name, signal.SIGKILL)
    await rig.do(
        rig.target_url,
        # In the order in which a batch takes them.
        "BEGIN; LOCK TABLE consumer_offsets, watermarks, ledger IN ACCESS EXCLUSIVE MODE; "
        "DELETE FROM watermarks; INSERT INTO watermarks TABLE watermarks_before; "
        "DELETE FROM consumer_offsets; INSERT INTO consumer_offsets TABLE offsets_before; "
        "DELETE FROM ledger AS l WHERE NOT EXISTS (SELECT FROM ledger_before AS b WHERE b.id = l.id); "
        "DROP TABLE watermarks_before, offsets_before, ledger_before; COMMIT",
    )
    for name in names:
        await rig.start(name)


async def poison(rig: Rig) -> None:
    aggregate = uuid4()
    events = [event_of(rig.topic, aggregate, version, poison=version == 3) for version in range(1, 7)]
    rig.poisoned[aggregate] = 3
    await rig.commit(events)


async def unreadable(value: bytes | None, headers: list[tuple[str, bytes]], rig: Rig) -> None:
    aggregate = uuid4()
    rig.poisoned[aggregate] = 1
    await rig.send_raw(aggregate, value, headers)


async def bad_protobuf(rig: Rig) -> None:
    aggregate = uuid4()
    rig.poisoned[aggregate] = 1
    await rig.send_raw(aggregate, b"\xff\xff\xff", _headers(aggregate, 1))


async def unknown_type(rig: Rig) -> None:
    """Is passed by, and the aggregate goes on."""
    aggregate = uuid4()
    await rig.send_raw(aggregate, b"?", _headers(aggregate, 1, "tandem.matching.v1.PairCelebrated"))
    rig.passes_by(aggregate, 1)


async def gap(rig: Rig) -> None:
    aggregate = uuid4()
    rig.poisoned[aggregate] = 2
    await _send(rig, aggregate, 1, 3, 4)
    rig.versions[aggregate] = 1


async def reordered(rig: Rig) -> None:
    """What comes too early waits for a person; nothing is applied out of order."""
    aggregate = uuid4()
    rig.poisoned[aggregate] = 2
    await _send(rig, aggregate, 2, 1, 3)
    rig.versions[aggregate] = 1


async def doubled(rig: Rig) -> None:
    aggregate = uuid4()
    await _send(rig, aggregate, 1, 1, 2, 2, 1)
    rig.versions[aggregate] = 2


_CHECKS: dict[str, dict[str, Strike]] = {
    IN_KAFKA: {
        "relay-1 killed": partial(killed, "relay-1"),
        "relay-1 stopped beyond its session": partial(stopped, "relay-1"),
        "broker killed": partial(server_killed, "kafka"),
        "broker stopped": partial(server_stopped, "kafka"),
        "broker away": broker_away,
        "late commit": late_commit,
        "oversize": oversize,
    },
    IN_ORDER: {
        **{f"killed: {point}": partial(killed_at, point) for point in POINTS if point.startswith("relay")},
        "relay's session ended": relay_loses_its_session,
        "published twice": published_twice,
    },
    ONCE: {
        "consumer-1 killed": partial(killed, "consumer-1"),
        **{f"killed: {point}": partial(killed_at, point) for point in POINTS if point.startswith("consumer")},
        "consumer-1 stopped beyond its session": partial(stopped, "consumer-1"),
        "all consumers stopped beyond their session": all_consumers_stopped,
        "rebalance storm": rebalance_storm,
        "rolling SIGTERM": rolling_restart,
        "duplicate records": doubled,
    },
    NOTHING_LOST: {
        "PostgreSQL killed": partial(server_killed, "postgres"),
        "consumers' connections cut": partial(connections_cut, "target"),
        "database restored": partial(database_restored, under_running_consumers=False),
        "database restored under running consumers": partial(database_restored, under_running_consumers=True),
        "unknown type": unknown_type,
        "wall clock steps": wall_clock_steps,
    },
    AS_PLANTED: {
        "disk full": partial(statements_fail, "53100"),
        "deadlock": partial(statements_fail, "40P01"),
        "serialisation failure": partial(statements_fail, "40001"),
        "lock not available": partial(statements_fail, "55P03"),
        "poison": poison,
        "header that is not text": partial(unreadable, b"?", [("kafka_dlt-original-offset", b"\xff\xfe\x00")]),
        "header missing": partial(unreadable, b"?", []),
        "version that is no number": partial(unreadable, b"?", [("ce_aggregateversion", b"one")]),
        "tombstone": partial(unreadable, None, []),
        "bad protobuf": bad_protobuf,
        "gap": gap,
        "reordered records": reordered,
    },
    ACKNOWLEDGED: {
        "owner's connections cut, replies of COMMIT lost": partial(connections_cut, "source"),
        "two writers at once": two_writers,
    },
}
FAULTS = {name: Fault(check, strike) for check, strikes in _CHECKS.items() for name, strike in strikes.items()}

OF_A_CLUSTER = {
    "leaders killed in turn": Fault(IN_KAFKA, leaders_killed),
    "too few replicas in sync": Fault(IN_KAFKA, too_few_in_sync),
}
"""Faults of three brokers, of which two have to be in sync."""

OF_ONE_REPLICA = {"partitions without a leader": Fault(IN_KAFKA, leaderless)}
"""Faults of three brokers, of a topic with one replica."""

OF_REAL_LENGTH = {"standby promoted after a long rest": Fault(NOTHING_LOST, standby_promoted)}
"""What shows only when time-outs are as long as in production."""
