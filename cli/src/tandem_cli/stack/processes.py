"""The processes of the local stack: started, found again, and ended by their id and no other way."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from tandem_cli.errors import Trouble
from tandem_cli.language import said


@dataclass(frozen=True, slots=True)
class Started:
    """A process that we started; its time of creation tells it from a later one with the same id."""

    name: str
    pid: int
    created: float
    address: str

    def process(self) -> psutil.Process | None:
        """Return the process if it still runs."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


@dataclass
class StackState:
    """What a stack is made of, kept in one file."""

    file: Path
    processes: dict[str, Started] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    _children: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @classmethod
    def load(cls, run: Path) -> "StackState":
        file = run / "stack.json"
        if not file.exists():
            return cls(file)
        saved = json.loads(file.read_text())
        processes = {name: Started(**value) for name, value in saved["processes"].items()}
        return cls(file, processes, saved["addresses"])

    def save(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        saved = {"processes": {n: asdict(p) for n, p in self.processes.items()}, "addresses": self.addresses}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(saved, indent=1))
        new.replace(self.file)

    def running(self, name: str) -> psutil.Process | None:
        """Return the process of that name if it runs."""
        started = self.processes.get(name)
        return started.process() if started else None

    def start(
        self, name: str, command: Sequence[str], address: str, log: Path, env: Mapping[str, str] | None = None
    ) -> psutil.Process:
        """Start a process in a session of its own, its output in a file, and remember it."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            child = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )
        self._children.append(child)
        process = psutil.Process(child.pid)
        self.processes[name] = Started(name, child.pid, process.create_time(), address)
        self.addresses[name] = address
        self.save()
        return process

    def stop(self, names: Sequence[str], seconds: float) -> None:
        """End processes, kindly first, in this order for everybody at once."""
        processes = [process for name in names if (process := self.running(name)) is not None]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(processes, timeout=seconds)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=5)
        for child in self._children:
            child.poll()
        for name in names:
            self.processes.pop(name, None)
        self.save()


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def last_lines(log: Path, count: int = 15) -> str:
    """Return the end of a log."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def check_alive(state: StackState, name: str, log: Path) -> None:
    """Raise `Trouble` with the end of its log if the process has ended."""
    if state.running(name) is None:
        raise Trouble(
            said(f"{name} ended while starting. The end of {log}:", f"{name} s'est arrêté au démarrage. Fin de {log} :")
            + f"\n{last_lines(log)}"
        )


def is_root() -> bool:
    return os.geteuid() == 0
