"""The local stack as a whole: up, status, down."""

import asyncio
import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_cli.settings import CliSettings
from tandem_cli.stack import kafka, postgres, services
from tandem_cli.stack.processes import StackState
from tandem_cli.tokens import make_signing_key
from tandem_cli.topics import apply_topics

_DISK_NEEDED = 2 * 2**30
_PARTS = ("postgres", "kafka", *services.SERVICES)


@dataclass(frozen=True, slots=True)
class PartStatus:
    name: str
    address: str
    pid: int | None
    megabytes: int | None
    state: str


async def _to_its_end(start: Callable[..., str], *given: object) -> str:
    """Run in a thread; who is told to stop meanwhile waits for it first, so as to know what there is to stop."""
    running = asyncio.ensure_future(asyncio.to_thread(start, *given))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


class Stack:
    """One local stack, in one folder."""

    def __init__(self, settings: CliSettings, console: Console) -> None:
        self.settings = settings
        self.run = settings.run
        self._console = console

    @property
    def state(self) -> StackState:
        return StackState.load(self.run)

    async def up(self) -> list[str]:
        """Start what does not run yet, and return the names of what was started."""
        self.run.mkdir(parents=True, exist_ok=True)
        self._check_disk()
        with self._alone():
            state = self.state
            before = {name for name in _PARTS if state.running(name)}
            try:
                await self._start(state)
            except BaseException:
                state.stop([name for name in reversed(_PARTS) if name not in before], 10)
                raise
            return [name for name in _PARTS if name not in before and state.running(name)]

    async def _start(self, state: StackState) -> None:
        make_signing_key(self.run)
        clock = self.run / "clock"
        if not clock.exists():
            clock.write_text("0")
        parts = await asyncio.gather(self._postgres(state), self._kafka(state), return_exceptions=True)
        for part in parts:
            if isinstance(part, BaseException):
                raise part
        database, broker = (str(part) for part in parts)
        if not state.running("enrolment"):
            await self._timed(said("databases", "bases"), self._migrate(database))
            await self._timed("topics", asyncio.to_thread(apply_topics, broker))
        starting = []
        for name in services.SERVICES:
            if state.running(name):
                self._say(name, state.addresses[name], said("runs already", "tourne déjà"))
            else:
                address = services.start_service(state, name, self.settings, broker, database)
                starting.append(self._ready(state, name, address))
        await asyncio.gather(*starting)

    async def _ready(self, state: StackState, name: str, address: str) -> None:
        await self._timed(name, services.wait_for_service(state, name, address, self.run), address)

    async def _postgres(self, state: StackState) -> str:
        if self.settings.postgres:
            await self._timed(
                "postgres",
                postgres.wait_for_postgres(state, self.settings.postgres, self.run),
                said("yours", "le vôtre"),
            )
            return self.settings.postgres
        if state.running("postgres"):
            self._say("postgres", state.addresses["postgres"], said("runs already", "tourne déjà"))
            return postgres.url_of(self.run, state.addresses["postgres"])
        url = await _to_its_end(postgres.start_postgres, state, self.run)
        await self._timed("postgres", postgres.wait_for_postgres(state, url, self.run), state.addresses["postgres"])
        return url

    async def _kafka(self, state: StackState) -> str:
        if self.settings.kafka:
            await self._timed(
                "kafka", kafka.wait_for_kafka(state, self.settings.kafka, self.run), said("yours", "le vôtre")
            )
            return self.settings.kafka
        if state.running("kafka"):
            self._say("kafka", state.addresses["kafka"], said("runs already", "tourne déjà"))
            return state.addresses["kafka"]
        if not (self.settings.cache / "kafka").exists():
            self._console.print(
                said(
                    "  fetching Kafka's jars, once (about 50 MB)…",
                    "  obtention des archives de Kafka, une fois (environ 50 Mo)…",
                )
            )
        started = time.perf_counter()
        address = await _to_its_end(kafka.start_kafka, state, self.settings.cache, self.run)
        await kafka.wait_for_kafka(state, address, self.run)
        self._say("kafka", address, f"{time.perf_counter() - started:.1f} s")
        return address

    async def _migrate(self, database: str) -> None:
        from tandem_kit.migrations import migrate  # noqa: PLC0415 - Alembic is slow to load

        await postgres.make_databases(database, [f"tandem_{name}" for name in services.SERVICES])
        for name in services.SERVICES:
            await asyncio.to_thread(migrate, name, f"{database}/tandem_{name}")

    async def status(self) -> list[PartStatus]:
        """Tell of every part whether it runs, and answers."""
        state, found = self.state, []
        for name in _PARTS:
            process = state.running(name)
            word = said("stopped", "arrêté")
            if process is not None:
                word = said("running", "en marche")
                if name in services.SERVICES:
                    answers = await services.is_serving(state.addresses[name], 2.0)
                    word = said("ready", "prêt") if answers else said("not answering", "ne répond pas")
            elif name == "kafka" and self.settings.kafka:
                word = said("yours, ", "le vôtre, ") + self.settings.kafka
            elif name == "postgres" and self.settings.postgres:
                word = said("yours", "le vôtre")
            megabytes = process.memory_info().rss // 2**20 if process else None
            address = state.addresses.get(name, "")
            found.append(PartStatus(name, address, process.pid if process else None, megabytes, word))
        return found

    def down(self) -> bool:
        """Stop everything and remove what it kept; tells whether there was anything."""
        if not self.run.exists():
            return False
        with self._alone():
            state = self.state
            state.stop(list(services.SERVICES), 30)
            state.stop(["kafka"], 15)
            state.stop(["postgres"], 15)
            shutil.rmtree(self.run)
        return True

    def _say(self, name: str, address: str, note: str) -> None:
        self._console.print(f"  [green]✓[/] {name:<10} {address:<18} [dim]{note}[/]")

    async def _timed(self, name: str, work: object, address: str = "") -> None:
        started = time.perf_counter()
        await work  # type: ignore[misc]
        self._say(name, address, f"{time.perf_counter() - started:.1f} s")

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.run).free
        if free < _DISK_NEEDED:
            raise Trouble(
                said(
                    f"The local stack needs 2 GB of free disk at {self.settings.home}; there are {free // 2**20} MB.",
                    f"La pile locale demande 2 Go libres sous {self.settings.home} ; il y a {free // 2**20} Mo.",
                )
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self.settings.home / "lock"
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Trouble(
                    said(
                        "Another tandem command is starting or stopping this stack; wait for it.",
                        "Une autre commande tandem démarre ou arrête cette pile ; attendez-la.",
                    )
                ) from error
            yield


def log_file(run: Path, name: str) -> Path:
    """Return the log of a part, or raise `Trouble` that names the parts."""
    if name not in _PARTS:
        raise Trouble(
            said(
                f"There is no part called {name}; there are {', '.join(_PARTS)}.",
                f"Rien ne s'appelle {name} ; il y a {', '.join(_PARTS)}.",
            )
        )
    return run / "logs" / f"{name}.log"
