from collections.abc import AsyncIterator

import pytest

from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.tables import KIT
from tandem_kit.testing.suites import SUITE, StoreSuite
from tests.conftest import Databases


class TestPostgres(StoreSuite):
    @pytest.fixture
    async def database(self, databases: Databases) -> AsyncIterator[PostgresDatabase]:
        async with databases.new() as url:
            engine = make_engine(url, 4)
            async with engine.begin() as connection:
                await connection.run_sync(KIT.create_all)
                await connection.run_sync(SUITE.create_all)
            yield PostgresDatabase(engine, SUITE)
            await engine.dispose()
