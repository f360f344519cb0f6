"""What outside teams build against: pages that say what the contract says, and a contract that breaks nobody."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tandem_cli.event_docs import OUT, documents
from tandem_cli.settings import ROOT
from tandem_cli.topics import declared_topics

BUF = ROOT / "tools" / "node_modules" / ".bin" / "buf"


def test_the_pages_are_as_the_contract_writes_them() -> None:
    written = {file.name: file.read_text() for file in OUT.iterdir()}
    assert written == documents()


def test_asyncapi_has_every_topic_with_every_event() -> None:
    document = yaml.safe_load((OUT / "asyncapi.yaml").read_text())
    declared = {topic.name: set(topic.events) for topic in declared_topics()}
    assert {name: set(channel["messages"]) for name, channel in document["channels"].items()} == declared
    assert set(document["components"]["messages"]) == set().union(*declared.values())


@pytest.mark.skipif(not BUF.exists(), reason="buf is installed by make check")
@pytest.mark.parametrize(
    ("instead_of", "written"),
    [
        ("  uint32 minutes = 7;\n", ""),
        ("  uint32 minutes = 7;", "  string minutes = 7;"),
        ("  uint32 minutes = 7;", "  uint32 minutes = 17;"),
        ("  uint32 minutes = 7;", "  uint32 length = 7;"),
        ("message SessionHeld {", "message SessionWasHeld {"),
    ],
)
def test_a_change_that_would_break_a_subscriber_is_caught(tmp_path: Path, instead_of: str, written: str) -> None:
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    file = tmp_path / "proto" / "tandem" / "sessions" / "v1" / "events.proto"

    def buf() -> int:
        command = [str(BUF), "breaking", "--against", "released/v1.binpb"]
        return subprocess.run(command, cwd=tmp_path / "proto", capture_output=True, check=False).returncode

    assert buf() == 0
    text = file.read_text()
    assert instead_of in text
    file.write_text(text.replace(instead_of, written, 1))
    assert buf() != 0
