"""Load, processes to hurt, and the ledger that tells whether anything was lost, applied twice, or out of order."""

import asyncio
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from tandem_cli.settings import CliSettings
from tandem_cli.stack.kafka import start_kafka, wait_for_kafka
from tandem_cli.stack.postgres import make_databases, start_postgres, wait_for_postgres
from tandem_cli.stack.processes import StackState
from tandem_kit import tables
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.work import PARTITIONS, OutboxRow, partition_of
from tests.faults.worker import GUARDS, LEDGER, event_of

IN_KAFKA = "every event is in Kafka"
IN_ORDER = "in order in Kafka"
ONCE = "applied once"
NOTHING_LOST = "nothing lost"
AS_PLANTED = "parked as planted"
ACKNOWLEDGED = "what was acknowledged is applied"


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long things take, in seconds: sessions, and faults that have to outlast something."""

    session: float
    request: float
    """How long a producer tries."""
    outage: float
    """How long a broker stays away."""
    idle: float
    """How long a standby rests."""

    @property
    def beyond_session(self) -> float:
        return self.session * 2

    @property
    def beyond_request(self) -> float:
        return self.request * 1.2


SHORT = Lengths(session=1.5, request=3.0, outage=2.0, idle=2.0)
REAL = Lengths(session=10.0, request=40.0, outage=150.0, idle=320.0)
"""As in production: aiokafka's own time-outs, and a rest beyond `max.poll.interval`."""


@dataclass
class Ledger:
    """What a check found. Everything but the counts of what was checked has to be nothing."""

    produced: int = 0
    applied: int = 0
    heal_seconds: float = 0.0
    unpublished: int = 0
    missing: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    parked_wrongly: list[str] = field(default_factory=list)
    unacknowledged: list[str] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)
    """How many events were on their way when each fault struck."""
    raw_duplicates: int = 0
    """Records that Kafka has twice: allowed after a fault, for the watermark skips them."""

    @property
    def faults(self) -> dict[str, object]:
        """What must not be, by the name of the check that found it."""
        found: dict[str, object] = {
            IN_KAFKA: self.unpublished or self.missing,
            IN_ORDER: self.reordered,
            ONCE: self.doubled,
            NOTHING_LOST: self.lost,
            AS_PLANTED: self.parked_wrongly,
            ACKNOWLEDGED: self.unacknowledged,
        }
        return {check: value for check, value in found.items() if value}


class Servers:
    """A Kafka and a PostgreSQL, for rigs one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = StackState(folder / "stack.json")

    async def start(self) -> None:
        """Start what does not run; each goes on with what it kept."""
        if self.process("postgres") is None:
            self.postgres = start_postgres(self._state, self.folder)
        if self.process("kafka") is None:
            self.kafka = start_kafka(self._state, CliSettings().cache, self.folder)
        await wait_for_postgres(self._state, self.postgres, self.folder)
        await wait_for_kafka(self._state, self.kafka, self.folder)

    def process(self, name: str) -> psutil.Process | None:
        """Return the process of that name, where it runs."""
        return self._state.running(name)

    def stop(self) -> None:
        self._state.stop(["kafka", "postgres"], 10)


class Rig:
    """Relays and consumers as processes of their own, with databases and a topic for nobody else."""

    def __init__(
        self,
        servers: Servers,
        seed: int,
        *,
        without: str | None = None,
        heal_seconds: float = 60.0,
        replicas: int = 1,
        lengths: Lengths = SHORT,
        stalled_seconds: float | None = None,
    ) -> None:
        """`without` names a guard that every process, or the database, shall lack."""
        self.servers = servers
        self.folder = servers.folder
        self.without = without
        self.heal_seconds = heal_seconds
        self.stalled_seconds = stalled_seconds
        """Without any progress for that long, nothing heals any more; for rigs in which something is to be lost."""
        self.replicas = replicas
        self.lengths = lengths
        self.random = random.Random(seed)
        self.topic = f"faults.{uuid4().hex[:8]}"
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self.wanted: dict[str, list[str]] = {}
        # Faults write to aggregates of their own.
        self._loaded = [uuid4() for _ in range(300)]
        self.versions: dict[UUID, int] = dict.fromkeys(self._loaded, 0)
        """Of every aggregate, the last version that was committed."""
        self.acknowledged: Counter[UUID] = Counter()
        """How many events of an aggregate their writer knows to be committed."""
        self.poisoned: dict[UUID, int] = {}
        """Of aggregates with a planted fault, the first version that may not be applied."""
        self.found = Ledger()
        """What the last check found."""
        self._out_of_line: list[str] = []
        self._read_to = 0
        self._passed_by = 0
        self._applied: dict[UUID, int] = defaultdict(int)
        self._in_kafka: dict[str, int] = defaultdict(int)
        self._positions: dict[TopicPartition, int] = {}

    # --- setting up

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Rig"]:
        await self.servers.start()
        names = [f"{self.topic}.source", f"{self.topic}.target"]
        await make_databases(self.servers.postgres, names)
        self.source_url, self.target_url = (f"{self.servers.postgres}/{name}" for name in names)
        for url in (self.source_url, self.target_url):
            engine = make_engine(url, 1)
            async with engine.begin() as connection:
                await connection.run_sync(tables.KIT.create_all)
                await connection.run_sync(LEDGER.create_all)
            await engine.dispose()
        self.source = PostgresDatabase(make_engine(self.source_url, 4), LEDGER)
        if self.without == "unique version":
            await self.do(self.source_url, "ALTER TABLE outbox DROP CONSTRAINT outbox_version")
        await self._wake_the_relay()
        await asyncio.to_thread(self._make_topic)
        keeper = asyncio.create_task(self._keep_running())
        try:
            yield self
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            for name in list(self.processes):
                await self.stop(name, signal.SIGKILL)
            await self.source.engine.dispose()

    async def _wake_the_relay(self) -> None:
        await self.do(
            self.source_url,
            "CREATE FUNCTION wake_the_relay() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_notify('outbox', ''); RETURN NULL; END $$; "
            "CREATE TRIGGER wake_the_relay AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_the_relay()",
        )

    def _make_topic(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.servers.kafka)
        admin.create_topics([NewTopic(self.topic, PARTITIONS, self.replicas)], wait_for_metadata=True)
        admin.close()

    def configure_topic(self, **values: str) -> None:
        """Set what the topic allows."""
        admin = KafkaAdminClient(bootstrap_servers=self.servers.kafka)
        changes = {name.replace("_", "."): value for name, value in values.items()}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self.topic, changes)])
        admin.close()

    async def ask(self, url: str, query: str, *given: object) -> list[asyncpg.Record]:
        """Return the rows of a query."""
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(query, *given))
        finally:
            await connection.close()

    async def do(self, url: str, script: str) -> None:
        """Run statements."""
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(script)
        finally:
            await connection.close()

    # --- processes

    async def start(self, name: str, *options: str, keep: bool = True) -> None:
        """Start a relay or a consumer; one that is kept is started again, without options, when it dies."""
        role = name.partition("-")[0]
        url = self.source_url if role == "relay" else self.target_url
        options = (*options, "--session", str(self.lengths.session), "--request", str(self.lengths.request))
        if self.without in GUARDS:
            options = (*options, "--without", self.without)
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.faults.worker", role, url, self.servers.kafka, self.topic, *options),
            stdout=log,
            stderr=log,
        )
        log.close()
        if keep:
            self.wanted.setdefault(name, [])

    async def _keep_running(self) -> None:
        while True:
            for name, options in self.wanted.items():
                process = self.processes.get(name)
                if process is None or process.returncode is not None:
                    await self.start(name, *options)
            await asyncio.sleep(0.1)

    async def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """End a process for good."""
        self.wanted.pop(name, None)
        process = self.processes.pop(name, None)
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
            await process.wait()

    def signal(self, name: str, how: signal.Signals) -> None:
        """Send a signal to a process, which is started again if it dies of it."""
        process = self.processes[name]
        if process.returncode is None:
            process.send_signal(how)

    async def dies(self, name: str) -> None:
        """Wait until the process as it is now has died."""
        await asyncio.wait_for(self.processes[name].wait(), 30)

    # --- load

    @asynccontextmanager
    async def load(self, rate: int = 2000) -> AsyncIterator[None]:
        """Commit events meanwhile, in transactions of some hundred, whatever happens to the database."""
        stopping = asyncio.Event()
        task = asyncio.create_task(self._write(stopping, rate))
        try:
            yield
        finally:
            stopping.set()
            await task

    async def _write(self, stopping: asyncio.Event, rate: int) -> None:
        size = max(1, rate // 20)
        while not stopping.is_set():
            began = time.monotonic()
            await self.commit(self.some_events(size))
            await asyncio.sleep(max(0.0, 0.05 - (time.monotonic() - began)))

    def some_events(self, count: int) -> list[OutboxRow]:
        versions = dict(self.versions)
        events = []
        for aggregate in self.random.choices(self._loaded, k=count):
            versions[aggregate] += 1
            events.append(event_of(self.topic, aggregate, versions[aggregate]))
        return events

    async def commit(self, events: Sequence[OutboxRow]) -> None:
        """Commit the events; where nobody knows whether that was done, look."""
        await self._commit(events)
        self.acknowledge(events)

    def acknowledge(self, events: Sequence[OutboxRow]) -> None:
        """Note that the events are known to be committed."""
        for event in events:
            self.versions[event.aggregate_id] = max(event.version, self.versions.get(event.aggregate_id, 0))
            self.acknowledged[event.aggregate_id] += 1

    async def _commit(self, events: Sequence[OutboxRow]) -> None:
        while True:
            try:
                async with self.source.transaction() as store:
                    await store.record(events)
            except Exception:  # noqa: BLE001 - the database is being hurt
                with suppress(Exception):
                    if await self._is_committed(events[-1]):
                        break
                await asyncio.sleep(0.1)
            else:
                break

    async def _is_committed(self, event: OutboxRow) -> bool:
        query = "SELECT 1 FROM outbox WHERE aggregate_id = $1 AND version = $2"
        return bool(await self.ask(self.source_url, query, event.aggregate_id, event.version))

    def passes_by(self, aggregate: UUID, version: int) -> None:
        """Expect nothing of this version: its type is handled by nobody."""
        self.versions[aggregate] = self._applied[aggregate] = self._in_kafka[str(aggregate)] = version
        self._passed_by += version

    async def send_raw(self, key: UUID, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> None:
        """Write a record that no relay wrote."""
        producer = AIOKafkaProducer(bootstrap_servers=self.servers.kafka)
        await producer.start()
        raw = str(key).encode()
        await producer.send_and_wait(self.topic, value, key=raw, partition=partition_of(raw), headers=list(headers))
        await producer.stop()

    async def entries(self) -> int:
        """Return how many events are applied."""
        (row,) = await self.ask(self.target_url, "SELECT count(*) AS n FROM ledger")
        return int(row["n"])

    async def handled(self) -> int:
        """Return how many events are applied or parked."""
        (row,) = await self.ask(
            self.target_url, "SELECT (SELECT count(*) FROM ledger) + (SELECT count(*) FROM parked) AS n"
        )
        return int(row["n"])

    async def in_flight(self) -> int:
        """Return how many committed events are not applied yet."""
        # What is parked, or passed by, is on no way any more.
        done = await self.entries() + self._passed_by
        on_their_way = sum(min(v, self.poisoned.get(a, v + 1) - 1) for a, v in self.versions.items())
        return max(0, on_their_way - done)

    # --- the ledger

    async def heal(self) -> float:
        """Wait until everything that can be applied is; return the seconds that it took, or `heal_seconds`."""
        began = moved = time.monotonic()
        before = -1
        while time.monotonic() < began + self.heal_seconds:
            with suppress(OSError, asyncpg.PostgresError):
                if not await self._behind():
                    break
                if (handled := await self.handled()) != before:
                    before, moved = handled, time.monotonic()
            if self.stalled_seconds and time.monotonic() > moved + self.stalled_seconds:
                break
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    async def _behind(self) -> list[str]:
        rows = await self.ask(self.target_url, "SELECT aggregate, max(version) AS last FROM ledger GROUP BY aggregate")
        last = {row["aggregate"]: row["last"] for row in rows}
        last |= {a: version for a, version in self._applied.items() if version > last.get(a, 0)}
        wanted = {a: min(version, self.poisoned.get(a, version + 1) - 1) for a, version in self.versions.items()}
        return [f"{a}: {last.get(a, 0)} of {version}" for a, version in wanted.items() if last.get(a, 0) < version]

    async def check(self) -> Ledger:
        """Wait until all is quiet, then hold against each other what was committed, is in Kafka, and was applied."""
        found = self.found
        found.heal_seconds = await self.heal()
        await self._read_ledger()
        found.lost = self._out_of_line + await self._behind()
        await self._read_kafka()
        (row,) = await self.ask(self.source_url, "SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")
        found.unpublished = row["n"]
        found.produced = sum(self.versions.values())
        parked = await self.ask(self.target_url, "SELECT DISTINCT aggregate_id FROM parked WHERE settled_at IS NULL")
        wrong = {row["aggregate_id"] for row in parked} ^ {str(aggregate) for aggregate in self.poisoned}
        found.parked_wrongly = sorted(wrong)
        found.unacknowledged = [
            f"{aggregate}: {self._applied[aggregate]} of {count}"
            for aggregate, count in self.acknowledged.items()
            if aggregate not in self.poisoned and self._applied[aggregate] < count
        ]
        return found

    async def _read_ledger(self) -> None:
        """Read what was written since the last time. All is quiet: nothing commits behind what was read."""
        query = "SELECT number, aggregate, version FROM ledger WHERE number > $1 ORDER BY number"
        for row in await self.ask(self.target_url, query, self._read_to):
            aggregate, version = row["aggregate"], row["version"]
            last = self._applied[aggregate]
            if version <= last:
                self.found.doubled.append(f"{aggregate} {version}")
            elif version > last + 1:
                self._out_of_line.append(f"{aggregate} {last + 1} before {version}")
            self._applied[aggregate] = max(last, version)
            self._read_to = row["number"]
            self.found.applied += 1
        behind = await self.entries() - self.found.applied
        if behind:
            self.found.doubled.append(f"{behind} entries were written behind the reader")

    async def _read_kafka(self) -> None:
        """Read on where the last check ended, and follow every aggregate's versions."""
        partitions = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]
        reader = AIOKafkaConsumer(bootstrap_servers=self.servers.kafka, auto_offset_reset="none")
        await reader.start()
        reader.assign(partitions)
        try:
            ends = await reader.end_offsets(partitions)
            for at in partitions:
                reader.seek(at, self._positions.get(at, 0))
            while any([await reader.position(at) < end for at, end in ends.items()]):
                for records in (await reader.getmany(timeout_ms=500, max_records=20_000)).values():
                    for record in records:
                        self._note(dict(record.headers), record.key)
            self._positions = ends
        finally:
            await reader.stop()
        self.found.missing = [
            f"{aggregate}: {self._in_kafka[str(aggregate)]} of {version}"
            for aggregate, version in self.versions.items()
            if aggregate not in self.poisoned and self._in_kafka[str(aggregate)] < version
        ]

    def _note(self, headers: dict[str, bytes], key: bytes) -> None:
        aggregate = key.decode()
        if UUID(aggregate) in self.poisoned:
            return
        version, last = int(headers["ce_aggregateversion"]), self._in_kafka[aggregate]
        if version <= last:
            self.found.raw_duplicates += 1
        elif version > last + 1:
            self.found.reordered.append(f"{aggregate} {version} after {last}")
        self._in_kafka[aggregate] = max(last, version)
