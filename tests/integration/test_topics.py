"""`tandem topics apply` against a real Kafka."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kafka import KafkaAdminClient
from typer.testing import CliRunner

from tandem_cli import topics
from tandem_cli.errors import Trouble
from tandem_cli.main import app
from tandem_cli.topics import apply_topics

NAME = "tandem.test.thing.v1"


@pytest.fixture
def declare(kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Declare"]:
    monkeypatch.setattr(topics, "TOPICS", tmp_path)
    yield Declare(tmp_path / f"{NAME}.yaml")
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_topics([name for name in admin.list_topics() if name == NAME])
    admin.close()


class Declare:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self, **changes: object) -> None:
        topic = {"topic": NAME, "description": "A test's.", "owner": "test", "key": "thing_id"}
        rest = {"partitions": 12, "retention_days": 30, "events": [], "consumers": []}
        self.file.write_text(yaml.safe_dump(topic | rest | changes))


def test_a_declared_topic_is_made_then_left_alone_then_kept_for_another_time(kafka: str, declare: Declare) -> None:
    declare()
    assert apply_topics(kafka, dry_run=True) == {NAME: "created"}
    assert apply_topics(kafka) == {NAME: "created"}
    assert apply_topics(kafka) == {NAME: "as declared"}
    declare(retention_days=7)
    assert apply_topics(kafka, dry_run=True) == {NAME: "retention changed"}
    assert apply_topics(kafka) == {NAME: "retention changed"}
    assert apply_topics(kafka) == {NAME: "as declared"}


def test_another_number_of_partitions_is_refused_and_nothing_is_changed(kafka: str, declare: Declare) -> None:
    declare()
    apply_topics(kafka)
    declare(partitions=24, retention_days=7)
    with pytest.raises(Trouble, match="24"):
        apply_topics(kafka)
    declare()
    assert apply_topics(kafka) == {NAME: "as declared"}


def test_the_command_tells_what_it_did_to_each_topic(kafka: str, declare: Declare) -> None:
    declare()
    done = CliRunner().invoke(app, ["topics", "apply", "--kafka", kafka])
    assert done.exit_code == 0, done.output
    assert NAME in done.output


def test_a_kafka_that_does_not_answer_is_told_in_a_sentence() -> None:
    command = [str(Path(sys.executable).parent / "tandem"), "topics", "apply", "--kafka", "127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
