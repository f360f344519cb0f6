"""A Kafka and a PostgreSQL for one benchmark."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from tandem_cli.settings import CliSettings
from tandem_cli.stack.kafka import start_kafka, wait_for_kafka
from tandem_cli.stack.postgres import make_databases, start_postgres, wait_for_postgres
from tandem_cli.stack.processes import StackState
from tandem_kit.work import PARTITIONS


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are."""

    kafka: str
    postgres: str
    folder: Path

    async def new_database(self) -> str:
        """Make a database, and return its URL."""
        name = f"bench_{uuid4().hex[:8]}"
        await make_databases(self.postgres, [name])
        return f"{self.postgres}/{name}"

    def new_topic(self) -> str:
        """Make a topic, and return its name."""
        name = f"bench.{uuid4().hex[:8]}"
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        admin.create_topics([NewTopic(name, PARTITIONS, 1)], wait_for_metadata=True)
        admin.close()
        return name


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Start both, and stop them at the end."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        state = StackState(run / "stack.json")
        try:
            postgres, kafka = start_postgres(state, run), start_kafka(state, CliSettings().cache, run)
            await wait_for_postgres(state, postgres, run)
            await wait_for_kafka(state, kafka, run)
            yield Servers(kafka, postgres, run)
        finally:
            state.stop(["kafka", "postgres"], 10)
