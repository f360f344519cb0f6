"""Real Kafka and PostgreSQL for the tests that need them: one of each, started when first asked for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import structlog

from tandem_cli.settings import CliSettings
from tandem_cli.stack import kafka as local_kafka
from tandem_cli.stack import postgres as local_postgres
from tandem_cli.stack.processes import StackState
from tandem_cli.topics import apply_topics

# Its own default draws every traceback with all locals: half a second each.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def postgres(run_folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL, without a database."""
    given = CliSettings().postgres
    if given:
        yield given
        return
    state = StackState(run_folder / "postgres.json")
    url = local_postgres.start_postgres(state, run_folder)
    try:
        asyncio.run(local_postgres.wait_for_postgres(state, url, run_folder))
        yield url
    finally:
        state.stop(["postgres"], 10)


@pytest.fixture(scope="session")
def kafka(run_folder: Path) -> Iterator[str]:
    """The address of a Kafka with Tandem's topics."""
    given = CliSettings().kafka
    if given:
        apply_topics(given)
        yield given
        return
    state = StackState(run_folder / "kafka.json")
    address = local_kafka.start_kafka(state, CliSettings().cache, run_folder)
    try:
        asyncio.run(local_kafka.wait_for_kafka(state, address, run_folder))
        apply_topics(address)
        yield address
    finally:
        state.stop(["kafka"], 10)


@dataclass(frozen=True)
class Databases:
    """Makes a database for a test, and drops it after."""

    server: str

    @asynccontextmanager
    async def new(self) -> AsyncIterator[str]:
        name = f"test_{uuid4().hex[:12]}"
        connection = await asyncpg.connect(f"{self.server}/postgres")
        try:
            await connection.execute(f"CREATE DATABASE {name}")
            yield f"{self.server}/{name}"
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def databases(postgres: str) -> Databases:
    return Databases(postgres)
