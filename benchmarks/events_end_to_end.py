"""From a command to its effect in another service's database, beside the least that it could take.

The command is `OpenSite`, sent over gRPC to enrolment; the effect is the row that sessions keeps of it, by way of the
outbox and Kafka. The floor is done in turn with it, at the same pace: one commit in PostgreSQL, one acknowledgement
of Kafka, one more commit. Absolute times vary with the machine; the ratio is what counts.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import uvloop
from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.table import Table

from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1 import types_pb2 as types
from tandem_cli.client import Client
from tandem_cli.people.generate import generate_company, write_hris_file
from tandem_cli.people.importing import ImportRequest, import_people
from tandem_cli.settings import CliSettings
from tandem_cli.stack.stack import Stack
from tandem_kit.policy import Role

TOPIC = "tandem.feedback.invitation.v1"
WARM_UP = 100


class Effects:
    """Tells when sessions' row of a site was committed: PostgreSQL notifies at the commit."""

    def __init__(self) -> None:
        self._seen: dict[str, asyncio.Future[float]] = {}

    async def watch(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await connection.execute(
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_notify('effects', NEW.code); RETURN NULL; END $$"
        )
        await connection.execute("CREATE TRIGGER tell AFTER INSERT ON open_sites FOR EACH ROW EXECUTE FUNCTION tell()")
        await connection.add_listener("effects", lambda *given: self.of(given[3]).set_result(time.perf_counter()))

    def of(self, site: str) -> "asyncio.Future[float]":
        return self._seen.setdefault(site, asyncio.get_running_loop().create_future())


class Floor:
    """Two commits and an acknowledgement, one after the other."""

    def __init__(self, first: asyncpg.Pool, second: asyncpg.Pool, producer: AIOKafkaProducer) -> None:
        self._pools = (first, second)
        self._producer = producer

    async def once(self) -> float:
        started = time.perf_counter()
        await self._pools[0].execute("INSERT INTO floor VALUES ($1)", uuid4())
        # On the partition of an aggregate of its own, as an event would be.
        await self._producer.send_and_wait(TOPIC, b"x" * 80, key=uuid4().bytes)
        await self._pools[1].execute("INSERT INTO floor VALUES ($1)", uuid4())
        return time.perf_counter() - started


async def measure(rate: float, seconds: float, console: Console) -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = CliSettings(home=Path(home), trace_ratio=0.0)
        stack = Stack(settings, console)
        await stack.up()
        try:
            await _measure(stack, rate, seconds, console)
        finally:
            stack.down()


async def _measure(stack: Stack, rate: float, seconds: float, console: Console) -> None:
    state, count = stack.state, int(rate * seconds) + WARM_UP
    password = (stack.run / "postgres-password").read_text()
    server = f"postgresql://tandem:{password}@{state.addresses['postgres']}"
    pools = [await asyncpg.create_pool(f"{server}/tandem_{name}", min_size=4) for name in ("enrolment", "sessions")]
    for pool in pools:
        await pool.execute("CREATE TABLE floor (id uuid PRIMARY KEY)")
    producer = AIOKafkaProducer(bootstrap_servers=state.addresses["kafka"], acks="all", enable_idempotence=True)
    await producer.start()
    effects, floor = Effects(), Floor(pools[0], pools[1], producer)
    watcher = await asyncpg.connect(f"{server}/tandem_sessions")
    await effects.watch(watcher)
    async with Client(stack.settings) as client:
        manager = client.staff(Role.PROGRAMME_MANAGER)
        sites = await _sites_ready_to_open(client, count)

        async def once(site: str) -> float:
            started = time.perf_counter()
            await client.enrolment.OpenSite(pb.OpenSiteRequest(site=site), metadata=manager)
            return await effects.of(site) - started

        commands: list[asyncio.Task[float]] = []
        floors: list[asyncio.Task[float]] = []
        started = time.perf_counter()
        for number, site in enumerate(sites):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            commands.append(asyncio.create_task(once(site)))
            await asyncio.sleep(max(0.0, started + (number + 0.5) / rate - time.perf_counter()))
            floors.append(asyncio.create_task(floor.once()))
        taken = [await task for task in commands][WARM_UP:]
        least = [await task for task in floors][WARM_UP:]
    await producer.stop()
    await watcher.close()
    for pool in pools:
        await pool.close()
    _show(taken, least, rate, console)


async def _sites_ready_to_open(client: Client, count: int) -> list[str]:
    """Register sites, with a person each, and do what their checklists ask."""
    sites = [f"site-{number}" for number in range(count)]
    manager = client.staff(Role.PROGRAMME_MANAGER)
    for site in sites:
        request = pb.RegisterSiteRequest(site=site, name=site, time_zone="Europe/Paris")
        await client.enrolment.RegisterSite(request, metadata=manager)
    company = generate_company(1, count, 1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hris.csv"
        write_hris_file([replace(e, site=site) for e, site in zip(company, sites, strict=True)], file)
        await import_people(client, ImportRequest(file), Console(quiet=True), "en")
    for site in sites:
        for item in types.ChecklistItem.values()[1:]:
            await client.enrolment.CompleteChecklistItem(
                pb.CompleteChecklistItemRequest(site=site, item=item), metadata=manager
            )
    await client.settle()
    return sites


def _show(taken: Sequence[float], least: Sequence[float], rate: float, console: Console) -> None:
    table = Table("", "p50", "p99", title=f"{rate:.0f} commands a second, {len(taken)} measured")
    figures = [(_quantile(values, 50), _quantile(values, 99)) for values in (taken, least)]
    for name, (p50, p99) in zip(
        ("command → applied next door", "floor: commit + acknowledgement + commit"), figures, strict=True
    ):
        table.add_row(name, f"{1000 * p50:.1f} ms", f"{1000 * p99:.1f} ms")
    table.add_row("ratio", *(f"{a / b:.2f}" for a, b in zip(*figures, strict=True)))
    console.print(table)


def _quantile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=100.0, help="commands a second")
    parser.add_argument("--seconds", type=float, default=15.0)
    given = parser.parse_args()
    uvloop.run(measure(given.rate, given.seconds, Console()))
