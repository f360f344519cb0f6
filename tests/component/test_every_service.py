"""Each service as the process that it is, with its own PostgreSQL, while Kafka and its neighbours are away."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from sqlalchemy import func, select

from tandem.enrolment.v1 import service_pb2 as enrolment
from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceStub
from tandem.operations.v1 import service_pb2 as operations
from tandem.operations.v1.service_pb2_grpc import OperationsServiceStub
from tandem_cli.stack.processes import free_port
from tandem_cli.stack.services import SERVICES, is_serving
from tandem_cli.tokens import Signer, make_signing_key
from tandem_kit import tables
from tandem_kit.migrations import migrate
from tandem_kit.policy import Grant, Role
from tandem_kit.postgres import make_engine
from tandem_kit.rpc.client import connect
from tandem_kit.testing.eventually import eventually
from tests.conftest import Databases


@dataclass
class Process:
    """A service that runs."""

    address: str
    process: asyncio.subprocess.Process
    database_url: str
    staff: list[tuple[str, str]]

    async def ends(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)


@asynccontextmanager
async def running(name: str, databases: Databases, folder: Path) -> AsyncIterator[Process]:
    async with databases.new() as url:
        await asyncio.to_thread(migrate, name, url)
        jwks = make_signing_key(folder)
        (folder / "key").write_bytes(b"k" * 32)
        address, nobody = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        settings = {
            "ENVIRONMENT": "local",
            "DATABASE_URL": url,
            "KAFKA": nobody,
            "LISTEN": address,
            "JWKS": str(jwks),
            "TOKEN_KEY": str(folder / "key"),
            **dict.fromkeys(("ENROLMENT", "MATCHING", "SESSIONS"), nobody),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", f"tandem_{name}", "serve"),
            env=dict(os.environ) | {f"TANDEM_{key}": value for key, value in settings.items()},
            stdout=asyncio.subprocess.DEVNULL,
        )
        token = Signer(folder).sign("manager", Grant(Role.PROGRAMME_MANAGER), Grant(Role.SRE))
        try:
            await eventually(lambda: is_serving(address, 1.0))
            yield Process(address, process, url, [("authorization", f"Bearer {token}")])
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_answers_without_kafka_and_ends_when_told(
    name: str, databases: Databases, tmp_path: Path
) -> None:
    async with running(name, databases, tmp_path) as service:
        assert service.process.returncode is None
        assert await service.ends() == 0


async def test_what_is_done_without_kafka_waits_in_the_outbox(databases: Databases, tmp_path: Path) -> None:
    async with running("enrolment", databases, tmp_path) as service, connect(service.address) as channel:
        request = enrolment.RegisterSiteRequest(site="lyon", name="Lyon", time_zone="Europe/Paris")
        await EnrolmentServiceStub(channel).RegisterSite(request, metadata=service.staff)
        stub = OperationsServiceStub(channel)
        backlog = await stub.GetBacklog(operations.GetBacklogRequest(), metadata=service.staff)
        assert backlog.unpublished_events == 1
        assert await service.ends() == 0
        engine = make_engine(service.database_url, 1)
        async with engine.connect() as connection:
            assert await connection.scalar(select(func.count()).select_from(tables.outbox)) == 1
        await engine.dispose()


async def test_whoever_may_not_operate_a_service_is_not_told_its_backlog(databases: Databases, tmp_path: Path) -> None:
    async with running("enrolment", databases, tmp_path) as service, connect(service.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await OperationsServiceStub(channel).GetBacklog(operations.GetBacklogRequest())
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
