"""What the command says to input that is not what it expects: one sentence, and no traceback."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from tandem_cli.clock import duration_of
from tandem_cli.errors import Trouble
from tandem_cli.people.hris_file import read_hris_file
from tandem_cli.settings import CliSettings

TANDEM = str(Path(sys.executable).parent / "tandem")


def tandem(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    env = os.environ | {f"TANDEM_{name}": value for name, value in settings.items()}
    return subprocess.run([TANDEM, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("wanted", "spoken"), [("fr", "fr"), ("FR", "fr"), ("fr_FR.UTF-8", "fr"), ("de", "en"), ("", "en")]
)
def test_whatever_language_is_asked_for_one_of_ours_is_spoken(
    monkeypatch: pytest.MonkeyPatch, wanted: str, spoken: str
) -> None:
    monkeypatch.setenv("TANDEM_LANG", wanted)
    assert CliSettings().lang == spoken


@pytest.mark.parametrize("name", ["KAFKA", "POSTGRES"])
def test_an_address_that_is_none_is_told_by_its_name(name: str, tmp_path: Path) -> None:
    done = tandem("status", HOME=str(tmp_path), **{name: "garbage"})
    assert done.returncode == 1
    assert f"TANDEM_{name}: " in done.stderr
    assert "garbage" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["people", "generate", "--out", "/nonexistent/x.csv"], "there is no such file"),
        (["people", "generate", "--out", "/"], "it is a folder"),
        (["demo", "--json", "/"], "/ is a folder"),
        (["clock", "advance", "1000000000d"], "Ten years at most"),
        (["clock", "advance", "banana"], "3d, 12h or 90m"),
        (["parked", "list", "nowhere"], "nowhere is no service"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    done = tandem(*arguments, HOME=str(tmp_path), LANG="en")
    assert done.returncode != 0
    assert sentence in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "is empty"), (b"a;b\n1;2\n", "no HRIS export"), (b"PK\3\4\0\0", "not a text file")]
)
def test_a_file_that_is_no_export_is_told_for_what_it_is(content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "hris.csv"
    file.write_bytes(content)
    with pytest.raises(Trouble, match=sentence):
        read_hris_file(file)


def test_lengths_of_time_are_read_up_to_ten_years() -> None:
    assert [duration_of(text) for text in ("3d", "12h", "90m")] == [
        timedelta(days=3),
        timedelta(hours=12),
        timedelta(minutes=90),
    ]


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_who_stops_it_four_times_stops_it_once_and_no_process_is_left(tmp_path: Path) -> None:
    env = os.environ | {"TANDEM_HOME": str(tmp_path)}
    starting = subprocess.Popen([TANDEM, "up"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log = tmp_path / "run" / "logs" / "postgres.log"
    deadline = time.monotonic() + 60
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(4):
        starting.send_signal(signal.SIGINT)
        time.sleep(0.05)
    said, _ = starting.communicate(timeout=60)
    assert starting.returncode == 130, said
    assert "Traceback" not in said
    assert not [p.pid for p in psutil.process_iter() if command_of(p).count(str(tmp_path))]
