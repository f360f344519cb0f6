"""A service as a process of its own, once or several times over one database."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tandem_cli.stack.processes import free_port
from tandem_cli.stack.services import is_serving
from tandem_cli.tokens import Signer, make_signing_key
from tandem_kit.migrations import migrate
from tandem_kit.policy import Grant, Role
from tandem_kit.testing.eventually import eventually
from tests.conftest import Databases


@dataclass
class Process:
    """A service that runs."""

    name: str
    address: str
    database_url: str
    folder: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def staff(self) -> list[tuple[str, str]]:
        """The metadata of a call by somebody who may do everything that staff may."""
        token = Signer(self.folder).sign("manager", Grant(Role.PROGRAMME_MANAGER), Grant(Role.SRE))
        return [("authorization", f"Bearer {token}")]

    async def start(self) -> None:
        """Start it, at the address that it had, and return when it serves."""
        nobody = f"127.0.0.1:{free_port()}"
        settings = {
            "ENVIRONMENT": "local",
            "DATABASE_URL": self.database_url,
            "KAFKA": nobody,
            "LISTEN": self.address,
            "JWKS": str(self.folder / "jwks.json"),
            "TOKEN_KEY": str(self.folder / "key"),
            **dict.fromkeys(("ENROLMENT", "MATCHING", "SESSIONS"), nobody),
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", f"tandem_{self.name}", "serve"),
            env=dict(os.environ) | {f"TANDEM_{key}": value for key, value in settings.items()},
            stdout=asyncio.subprocess.DEVNULL,
        )
        await eventually(lambda: is_serving(self.address, 1.0))

    async def ends(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, and return the code with which the process ended."""
        assert self.process is not None
        self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 30)

    async def kill(self) -> None:
        """End it, whatever it does."""
        if self.process is not None and self.process.returncode is None:
            await self.ends(signal.SIGKILL)


@asynccontextmanager
async def several(name: str, count: int, databases: Databases, folder: Path) -> AsyncIterator[list[Process]]:
    """Run a service several times over one new database."""
    async with databases.new() as url:
        await asyncio.to_thread(migrate, name, url)
        make_signing_key(folder)
        (folder / "key").write_bytes(b"k" * 32)
        processes = [Process(name, f"127.0.0.1:{free_port()}", url, folder) for _ in range(count)]
        try:
            for process in processes:
                await process.start()
            yield processes
        finally:
            for process in processes:
                await process.kill()


@asynccontextmanager
async def running(name: str, databases: Databases, folder: Path) -> AsyncIterator[Process]:
    """Run a service once."""
    async with several(name, 1, databases, folder) as (process,):
        yield process
