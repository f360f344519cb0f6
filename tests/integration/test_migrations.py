import asyncio

import pytest
from alembic import command

from tandem_kit.migrations import config_for, migrate
from tests.conftest import Databases


@pytest.mark.parametrize("service", ["enrolment", "matching", "sessions", "feedback"])
async def test_the_migrations_make_exactly_the_tables_that_the_service_uses(service: str, databases: Databases) -> None:
    async with databases.new() as url:
        await asyncio.to_thread(migrate, service, url)
        # Raises where the models and the database differ.
        await asyncio.to_thread(command.check, config_for(service, url))
