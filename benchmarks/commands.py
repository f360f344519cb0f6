"""Commands a second over gRPC: enrolment's `RegisterSite`, beside the least that keeps a site and its event.

Both are processes of their own on one PostgreSQL, called in turn by the same callers. The least is grpc.aio with
asyncpg: one transaction with two inserts; no token, no policy, no rules of form, no idempotency key, no metrics.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import asyncpg
import grpc
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.servers import Servers, servers
from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceStub
from tandem_cli.settings import environment_with
from tandem_cli.stack.processes import free_port
from tandem_cli.stack.services import is_serving
from tandem_cli.tokens import Signer, make_signing_key
from tandem_kit.migrations import migrate
from tandem_kit.policy import Grant, Role
from tandem_kit.rpc.client import connect

METHOD = "RegisterSite"


async def serve_bare(address: str, url: str) -> None:
    """Answer `RegisterSite` with as little as possible."""
    pool = await asyncpg.create_pool(url, min_size=8, max_size=8)

    async def register(request: pb.RegisterSiteRequest, _: object) -> pb.RegisterSiteResponse:
        key = uuid4()
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("INSERT INTO bare_sites VALUES ($1, $2, $3)", key, request.site, request.name)
            await connection.execute("INSERT INTO bare_outbox VALUES ($1, 1, $2)", key, request.SerializeToString())
        return pb.RegisterSiteResponse(id=str(key), version=1)

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler = grpc.unary_unary_rpc_method_handler(
        register,
        request_deserializer=pb.RegisterSiteRequest.FromString,
        response_serializer=pb.RegisterSiteResponse.SerializeToString,
    )
    name = "tandem.enrolment.v1.EnrolmentService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {METHOD: handler}),))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


async def _start(*command: str, **settings: str) -> asyncio.subprocess.Process:
    env = environment_with({f"TANDEM_{name}": value for name, value in settings.items()})
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, env=env, stdout=asyncio.subprocess.DEVNULL
    )


async def _until(ready: Callable[[], Awaitable[bool]]) -> None:
    while not await ready():
        await asyncio.sleep(0.05)


async def measure(seconds: float, callers: int, console: Console) -> None:
    async with servers() as on:
        await _measure(on, seconds, callers, console)


async def _measure(on: Servers, seconds: float, callers: int, console: Console) -> None:
    url = await on.new_database()
    await asyncio.to_thread(migrate, "enrolment", url)
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE bare_sites (id uuid PRIMARY KEY, site text UNIQUE, name text)")
    await connection.execute("CREATE TABLE bare_outbox (id uuid, version int, payload bytea, UNIQUE (id, version))")
    await connection.close()
    jwks = make_signing_key(on.folder)
    token = Signer(on.folder).sign("manager", Grant(Role.PROGRAMME_MANAGER))
    ours, bare = (f"127.0.0.1:{free_port()}" for _ in range(2))
    processes = [
        await _start(*("tandem_enrolment", "serve"), DATABASE_URL=url, KAFKA=on.kafka, LISTEN=ours, JWKS=str(jwks)),
        await _start("benchmarks.commands", "--serve", bare, url),
    ]
    try:
        await _until(lambda: is_serving(ours, 1.0))
        rates: dict[str, list[float]] = {ours: [], bare: []}
        for turn in range(4):
            for address in (ours, bare):
                done = await _call(address, token, callers, seconds)
                if turn:
                    rates[address].append(done)
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
            await process.wait()
    table = Table("", "commands/s", "of the floor", title=f"{callers} callers, best of {len(rates[ours])} turns")
    floor = max(rates[bare])
    for name, address in (("enrolment", ours), ("floor: grpc.aio and asyncpg", bare)):
        table.add_row(name, f"{max(rates[address]):,.0f}", f"{max(rates[address]) / floor:.2f}")
    console.print(table)


async def _call(address: str, token: str, callers: int, seconds: float) -> float:
    """Call for some seconds; return the answers a second."""
    done, until = 0, time.perf_counter() + seconds

    async def call(stub: EnrolmentServiceStub) -> None:
        nonlocal done
        while time.perf_counter() < until:
            site = f"s-{uuid4().hex}"
            request = pb.RegisterSiteRequest(site=site, name=site, time_zone="Europe/Paris")
            await stub.RegisterSite(request)  # type: ignore[misc]
            done += 1

    async with connect(address, lambda: token, wait_for_ready=True) as channel:
        await asyncio.gather(*(call(EnrolmentServiceStub(channel)) for _ in range(callers)))
    return done / seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--serve", nargs=2, metavar=("ADDRESS", "URL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        uvloop.run(serve_bare(*given.serve))
    else:
        uvloop.run(measure(given.seconds, given.callers, Console()))
