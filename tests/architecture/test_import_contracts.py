"""The import contracts hold, and each catches a violation that is planted for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tandem_cli.settings import ROOT

LINTER = Path(sys.executable).parent / "lint-imports"
PACKAGES = (
    "libs/contracts/src/tandem",
    "libs/kit/src/tandem_kit",
    "cli/src/tandem_cli",
    *(f"services/{name}/src/tandem_{name}" for name in ("enrolment", "matching", "sessions", "feedback")),
)

PLANTED = {
    "inside-a-service": ("tandem_matching/application/ports.py", "import tandem_matching.adapters.tables"),
    "services-are-independent": ("tandem_matching/bootstrap.py", "import tandem_sessions.settings"),
    "pure-domain": ("tandem_sessions/domain/charter.py", "import sqlalchemy"),
    "pure-application": ("tandem_feedback/application/ports.py", "import tandem_kit.work"),
    "pure-kit-parts": ("tandem_kit/domain.py", "import pydantic"),
    "generated-code": ("tandem_kit/relay.py", "import tandem.matching.v1.events_pb2"),
    "whole": ("tandem_kit/work.py", "import tandem_cli.settings"),
    "no-fakes-in-services": ("tandem_enrolment/bootstrap.py", "import tandem_kit.testing.clock"),
    "serving-is-light": ("tandem_matching/adapters/tables.py", "import ortools"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / Path(package).name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def broken_contracts(folder: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    chosen = ["--contract", contract] if contract else []
    return subprocess.run(
        [str(LINTER), "--no-cache", *chosen],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_contract_holds(copy: Path) -> None:
    done = broken_contracts(copy)
    assert done.returncode == 0, done.stdout
    assert f"{len(PLANTED)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_violation_is_caught(copy: Path, contract: str) -> None:
    name, line = PLANTED[contract]
    file = copy / name
    clean = file.read_text()
    try:
        file.write_text(f"{clean}\n{line}\n")
        done = broken_contracts(copy, contract)
    finally:
        file.write_text(clean)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


def test_a_stray_module_in_a_service_is_caught(copy: Path) -> None:
    stray = copy / "tandem_sessions" / "utils.py"
    try:
        stray.write_text("")
        assert broken_contracts(copy, "inside-a-service").returncode == 1
    finally:
        stray.unlink()
