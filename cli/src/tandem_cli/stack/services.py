"""The four services as local processes."""

import asyncio
import secrets
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_cli.settings import CliSettings, environment_with
from tandem_cli.stack.processes import StackState, check_alive, free_port
from tandem_cli.tokens import Signer
from tandem_kit.policy import Grant, Role

_TOKEN_HOURS = 24 * 90

# Each calls only those before it.
SERVICES = ("enrolment", "matching", "sessions", "feedback")


def start_service(state: StackState, name: str, settings: CliSettings, kafka: str, postgres: str) -> str:
    """Start a service and return its address; started again, it keeps its address."""
    run = settings.run
    address = state.addresses.get(name) or f"127.0.0.1:{free_port()}"
    token = run / f"{name}.token"
    token.touch(0o600)
    token.write_text(Signer(run).sign(name, Grant(Role.SERVICE), hours=_TOKEN_HOURS))
    key = run / "answer-token-key"
    if not key.exists():
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(32))
    values = {
        "ENVIRONMENT": "local",
        "DATABASE_URL": f"{postgres}/tandem_{name}",
        "KAFKA": kafka,
        "LISTEN": address,
        "METRICS_LISTEN": _metrics_address(state, name),
        "JWKS": str(run / "jwks.json"),
        "SERVICE_TOKEN": str(token),
        "CLOCK_FILE": str(run / "clock"),
        "TOKEN_KEY": str(key),
        "TRACE_RATIO": str(settings.trace_ratio),
        "TRACE_FILE": str(run / "traces" / f"{name}.jsonl"),
    }
    for neighbour in SERVICES[: SERVICES.index(name)]:
        values[neighbour.upper()] = state.addresses[neighbour]
    (run / "traces").mkdir(exist_ok=True)
    env = environment_with({f"TANDEM_{key}": value for key, value in values.items()})
    state.start(name, [sys.executable, "-m", f"tandem_{name}", "serve"], address, log_of(run, name), env)
    return address


def _metrics_address(state: StackState, name: str) -> str:
    return state.addresses.setdefault(f"{name}-metrics", f"127.0.0.1:{free_port()}")


def log_of(run: Path, name: str) -> Path:
    return run / "logs" / f"{name}.log"


async def is_serving(address: str, seconds: float) -> bool:
    """Ask a service's health, once."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def wait_for_service(state: StackState, name: str, address: str, run: Path, seconds: float = 60.0) -> None:
    """Return when the service serves."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        check_alive(state, name, log_of(run, name))
        if await is_serving(address, 1.0):
            return
        await asyncio.sleep(0.1)
    raise Trouble(
        said(f"{name} does not answer; see tandem logs {name}.", f"{name} ne répond pas ; voir tandem logs {name}.")
    )
