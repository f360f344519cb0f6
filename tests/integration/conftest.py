import asyncio
from collections.abc import AsyncIterator

import pytest

from tandem_kit.migrations import migrate
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_matching.adapters.tables import metadata
from tests.conftest import Databases


@pytest.fixture
async def matching_url(databases: Databases) -> AsyncIterator[str]:
    """A database of the matching service, migrated."""
    async with databases.new() as url:
        await asyncio.to_thread(migrate, "matching", url)
        yield url


@pytest.fixture
async def matching_database(matching_url: str) -> AsyncIterator[PostgresDatabase]:
    engine = make_engine(matching_url, 8)
    yield PostgresDatabase(engine, metadata)
    await engine.dispose()
