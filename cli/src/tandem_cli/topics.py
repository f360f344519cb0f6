"""The topics of `proto/topics/`: created as they are declared, and never changed in their number of partitions."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from tandem_cli.errors import Trouble
from tandem_cli.settings import ROOT

TOPICS = ROOT / "proto" / "topics"


@dataclass(frozen=True, slots=True)
class Topic:
    """One file of `proto/topics/`."""

    name: str
    description: str
    owner: str
    key: str
    partitions: int
    retention_days: int
    events: tuple[str, ...]
    consumers: tuple[str, ...]


def declared_topics(folder: Path = TOPICS) -> list[Topic]:
    """Read every file."""
    found = []
    for file in sorted(folder.glob("*.yaml")):
        said = yaml.safe_load(file.read_text())
        if said["topic"] != file.stem:
            raise Trouble(f"{file}: it declares {said['topic']}, and should be named after it.")
        found.append(
            Topic(
                said["topic"],
                said["description"],
                said["owner"],
                said["key"],
                said["partitions"],
                said["retention_days"],
                tuple(said["events"]),
                tuple(said["consumers"]),
            )
        )
    return found


async def create_topics(kafka: str) -> None:
    """Create the declared topics that Kafka lacks; refuse one that has another number of partitions."""
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # noqa: PLC0415 - slow to load

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        wanted = declared_topics()
        new = [
            NewTopic(
                topic.name,
                topic.partitions,
                -1,
                topic_configs={"retention.ms": str(topic.retention_days * 86_400_000), "cleanup.policy": "delete"},
            )
            for topic in wanted
            if topic.name not in existing
        ]
        if new:
            await admin.create_topics(new)
        known = [topic for topic in wanted if topic.name in existing]
        described = await admin.describe_topics([topic.name for topic in known]) if known else []
        partitions = {topic["topic"]: len(topic["partitions"]) for topic in described}
        for topic in known:
            if partitions[topic.name] != topic.partitions:
                raise Trouble(
                    f"{topic.name} has {partitions[topic.name]} partitions and is declared with {topic.partitions}: "
                    "another number would break the order of its events."
                )
    finally:
        await admin.close()
