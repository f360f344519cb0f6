"""One real service in this process: real PostgreSQL and gRPC; its neighbours are away, and so is Kafka."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import grpc
import pytest

from tandem.enrolment.v1 import service_pb2
from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceStub
from tandem_cli.stack.processes import free_port
from tandem_cli.tokens import Signer, make_signing_key
from tandem_enrolment.adapters.events import TOPICS
from tandem_enrolment.adapters.tables import metadata
from tandem_enrolment.adapters.work import EnrolmentWork
from tandem_enrolment.entrypoints.grpc_server import METHODS
from tandem_kit.clock import SystemClock
from tandem_kit.migrations import migrate
from tandem_kit.policy import Grant, Role
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.rpc.callers import Callers
from tandem_kit.rpc.server import Rpc
from tandem_kit.work import Works
from tests.conftest import Databases

if TYPE_CHECKING:
    from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceAsyncStub


@dataclass
class EnrolmentHouse:
    stub: "EnrolmentServiceAsyncStub"
    signer: Signer
    database: PostgresDatabase

    def as_staff(self, role: Role, site: str | None = None, **more: str) -> list[tuple[str, str]]:
        return self._metadata(self.signer.sign(role.value, Grant(role, site)), more)

    def as_person(self, person: UUID, *grants: Grant, **more: str) -> list[tuple[str, str]]:
        return self._metadata(self.signer.sign(str(person), *grants, person=person), more)

    def _metadata(self, token: str, more: dict[str, str]) -> list[tuple[str, str]]:
        given = {"authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in more.items()}
        return list(given.items())


@pytest.fixture
async def enrolment(databases: Databases, tmp_path: Path) -> AsyncIterator[EnrolmentHouse]:
    async with databases.new() as url:
        await asyncio.to_thread(migrate, "enrolment", url)
        database = PostgresDatabase(make_engine(url, 8), metadata)
        clock = SystemClock()
        jwks = make_signing_key(tmp_path)
        works = Works(EnrolmentWork, database, clock, TOPICS)
        server = grpc.aio.server()
        rpc = Rpc("enrolment", service_pb2, "EnrolmentService", METHODS, works, Callers(jwks), clock)
        server.add_generic_rpc_handlers((rpc.handler,))
        address = f"127.0.0.1:{free_port()}"
        server.add_insecure_port(address)
        await server.start()
        async with grpc.aio.insecure_channel(address) as channel:
            yield EnrolmentHouse(EnrolmentServiceStub(channel), Signer(tmp_path), database)
        await server.stop(0)
        await database.engine.dispose()
