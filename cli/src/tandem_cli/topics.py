"""The topics of `proto/topics/`: created as they are declared, and never changed in their number of partitions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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

    @property
    def configs(self) -> dict[str, str]:
        """What is set on the topic itself."""
        return {"retention.ms": str(self.retention_days * 86_400_000), "cleanup.policy": "delete"}


def declared_topics(folder: Path | None = None) -> list[Topic]:
    """Read every file."""
    found = []
    for file in sorted((folder or TOPICS).glob("*.yaml")):
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


Outcome = Literal["created", "as declared", "retention changed"]
OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "created": ("created", "créé"),
    "as declared": ("as declared", "comme déclaré"),
    "retention changed": ("kept for another time than before", "gardé pour une autre durée qu'avant"),
}
"""In English, and in French."""


def apply_topics(kafka: str, *, dry_run: bool = False) -> dict[str, Outcome]:
    """Make Kafka's topics as declared: create what is missing, and change how long events are kept.

    `Trouble`, and nothing done, where one has another number of partitions.
    """
    from kafka import KafkaAdminClient  # noqa: PLC0415 - slow to load
    from kafka.admin import ConfigResource  # noqa: PLC0415
    from kafka.errors import KafkaError  # noqa: PLC0415

    try:
        admin = KafkaAdminClient(bootstrap_servers=kafka, bootstrap_timeout_ms=5000)
    except (KafkaError, ValueError) as error:
        raise Trouble(said(f"No Kafka answers at {kafka}.", f"Aucun Kafka ne répond à {kafka}.")) from error
    try:
        declared = {topic.name: topic for topic in declared_topics()}
        existing = sorted(declared.keys() & set(admin.list_topics()))
        for described in admin.describe_topics(existing) if existing else ():
            _check_partitions(declared[described["name"]], len(described["partitions"]))
        kept = _configs(
            admin.describe_configs([ConfigResource("TOPIC", name) for name in existing], config_filter="all")
        )
        outcomes: dict[str, Outcome] = {}
        for name, topic in declared.items():
            if name not in existing:
                outcomes[name] = "created"
            elif not topic.configs.items() <= kept[name].items():
                outcomes[name] = "retention changed"
            else:
                outcomes[name] = "as declared"
        new = {name: declared[name] for name, outcome in outcomes.items() if outcome == "created"}
        changed = [name for name, outcome in outcomes.items() if outcome == "retention changed"]
        if new and not dry_run:
            # Replicas are the broker's own default: 1 here, 3 in production.
            admin.create_topics(
                {name: {"num_partitions": topic.partitions, "configs": topic.configs} for name, topic in new.items()},
                wait_for_metadata=True,
            )
        if changed and not dry_run:
            admin.alter_configs([ConfigResource("TOPIC", name, declared[name].configs) for name in changed])
        return outcomes
    finally:
        admin.close()


def _check_partitions(topic: Topic, count: int) -> None:
    if count != topic.partitions:
        raise Trouble(
            said(
                f"{topic.name} has {count} partitions and is declared with {topic.partitions}: "
                "another number would break the order of its events. Nothing was changed.",
                f"{topic.name} a {count} partitions, et {topic.partitions} sont déclarées : "
                "un autre nombre romprait l'ordre de ses événements. Rien n'a été changé.",
            )
        )


def _configs(described: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    return {name: {key: c["value"] for key, c in of.items()} for name, of in described.get("topic", {}).items()}
