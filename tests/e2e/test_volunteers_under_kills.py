"""The real services, driven by volunteers who enrol while each part of the stack is killed in turn.

No acknowledged command may be missing, and none may have acted twice, here or next door.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import grpc
from rich.console import Console

from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1 import types_pb2 as types
from tandem_cli.blueprints import read_blueprint
from tandem_cli.client import Client
from tandem_cli.demo import opening
from tandem_cli.demo.cast import Actor, Chance, choose_cast, topics_of
from tandem_cli.people.generate import generate_company, write_hris_file
from tandem_cli.people.importing import ImportRequest, import_people
from tandem_cli.people.sites import SITES
from tandem_cli.settings import ROOT, CliSettings
from tandem_cli.stack.processes import StackState

PARTS = ("enrolment", "matching", "sessions", "kafka", "postgres")
CALLERS = 6
QUIET = Console(quiet=True)


@dataclass
class Volunteers:
    """People of one site who enrol one after the other, each until the answer has come."""

    client: Client
    programme: str
    themes: list[str]
    waiting: list[Actor]
    acknowledged: dict[str, str] = field(default_factory=dict)
    """The enrolment of each person, as the answer told it."""

    @asynccontextmanager
    async def enrolling(self) -> AsyncIterator[None]:
        callers = [asyncio.create_task(self._enrol()) for _ in range(CALLERS)]
        try:
            yield
        finally:
            await asyncio.gather(*callers)

    async def _enrol(self) -> None:
        while self.waiting:
            person = self.waiting.pop()
            request = pb.EnrolAsMentorRequest(
                programme_id=self.programme,
                topics=topics_of(person, self.themes, Chance(1), 2),
                capacity=1,
                languages=person.languages,
                availability=[types.Availability(weekday=2, from_minute=540, to_minute=1080)],
            )
            who = [*self.client.person(person.id), ("idempotency-key", person.reference)]
            while person.id not in self.acknowledged:
                try:
                    answer = await self.client.enrolment.EnrolAsMentor(request, metadata=who)
                except grpc.aio.AioRpcError as error:
                    assert error.code() is grpc.StatusCode.UNAVAILABLE, error
                else:
                    self.acknowledged[person.id] = answer.id
            await asyncio.sleep(0.15)

    async def go_on(self) -> None:
        """Return when more have enrolled, or none is left."""
        enough = len(self.acknowledged) + 20
        while self.waiting and len(self.acknowledged) < enough:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def tandem(command: str, home: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("TANDEM_")} | {"TANDEM_HOME": str(home)}
    running = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("tandem"), command, env=env, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await running.communicate()
    assert running.returncode == 0, said.decode()


async def ids(settings: CliSettings, service: str, query: str) -> list[str]:
    password = (settings.run / "postgres-password").read_text()
    server = StackState.load(settings.run).addresses["postgres"]
    connection = await asyncpg.connect(f"postgresql://tandem:{password}@{server}/tandem_{service}")
    try:
        return sorted(str(row[0]) for row in await connection.fetch(query))
    finally:
        await connection.close()


async def test_no_acknowledged_command_is_missing_and_none_acts_twice(tmp_path: Path) -> None:
    settings = CliSettings(home=tmp_path, kafka=None, postgres=None)
    await tandem("up", tmp_path)
    try:
        async with Client(settings) as client:
            company, chance = generate_company(3, 4000, 4), Chance(3)
            await opening.register_sites(client, SITES)
            file = tmp_path / "hris.csv"
            write_hris_file(company, file)
            await import_people(client, ImportRequest(file), QUIET, "en")
            await opening.open_site(client, SITES[0].code)
            blueprint = read_blueprint(ROOT / "blueprints" / "axa-france.yaml")
            programme = await opening.open_programme(client, blueprint)
            cast = await choose_cast(client, company, [place.code for place in SITES], chance)
            young = [a for a in cast.staff[SITES[0].code] if a.hris.career_stage == "Début"]
            waiting = [*cast.first_mentors, *young]
            volunteers = Volunteers(client, programme, [m.code for m in blueprint.curriculum], waiting)
            expected, struck = len(waiting), []
            async with volunteers.enrolling():
                for part in PARTS:
                    await volunteers.go_on()
                    victim = StackState.load(settings.run).running(part)
                    assert victim is not None
                    if volunteers.waiting:
                        struck.append(part)
                    os.kill(victim.pid, signal.SIGKILL)
                    await asyncio.sleep(0.3)
                    await tandem("up", tmp_path)
            assert struck == list(PARTS), f"all had enrolled before {part} was killed"
            await client.settle()
            backlog = await client.backlog()
        acknowledged = sorted(volunteers.acknowledged.values())
        assert len(acknowledged) == expected
        assert await ids(settings, "enrolment", "SELECT id FROM enrolments") == acknowledged
        assert await ids(settings, "matching", "SELECT id FROM candidates") == acknowledged
        assert await ids(settings, "sessions", "SELECT id FROM mentors") == acknowledged
        events = "SELECT aggregate_id FROM outbox WHERE type = 'tandem.enrolment.v1.MentorEnrolled'"
        assert await ids(settings, "enrolment", events) == acknowledged
        assert not any(b.parked_events or b.failed_timers or b.unpublished_events for b in backlog.values())
    finally:
        await tandem("down", tmp_path)
