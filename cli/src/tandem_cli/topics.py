"""The topics of `proto/topics/`: created as they are declared, and never changed in their number of partitions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tandem_cli.errors import Trouble
from tandem_cli.language import said
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
        declared = yaml.safe_load(file.read_text())
        if declared["topic"] != file.stem:
            raise Trouble(
                said(
                    f"{file}: it declares {declared['topic']}, and should be named after it.",
                    f"{file} : il déclare {declared['topic']}, et devrait en porter le nom.",
                )
            )
        found.append(
            Topic(
                declared["topic"],
                declared["description"],
                declared["owner"],
                declared["key"],
                declared["partitions"],
                declared["retention_days"],
                tuple(declared["events"]),
                tuple(declared["consumers"]),
            )
        )
    return found


def create_topics(kafka: str) -> None:
    """Create the declared topics that Kafka lacks; refuse one that has another number of partitions."""
    from kafka import KafkaAdminClient  # noqa: PLC0415 - slow to load
    from kafka.admin import NewTopic  # noqa: PLC0415

    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        existing = set(admin.list_topics())
        new = [_new(NewTopic, topic) for topic in declared_topics() if topic.name not in existing]
        known = {topic.name: topic for topic in declared_topics() if topic.name in existing}
        for described in admin.describe_topics(list(known)) if known else ():
            topic, count = known[described["name"]], len(described["partitions"])
            if count != topic.partitions:
                raise Trouble(
                    said(
                        f"{topic.name} has {count} partitions and is declared with {topic.partitions}: "
                        "another number would break the order of its events.",
                        f"{topic.name} a {count} partitions, et {topic.partitions} sont déclarées : "
                        "un autre nombre romprait l'ordre de ses événements.",
                    )
                )
        if new:
            admin.create_topics(new)
    finally:
        admin.close()


def _new(kind: Any, topic: Topic) -> Any:
    kept = str(topic.retention_days * 86_400_000)
    # A replication factor of -1 is the broker's own default: 1 here, 3 in production.
    return kind(topic.name, topic.partitions, -1, topic_configs={"retention.ms": kept, "cleanup.policy": "delete"})
