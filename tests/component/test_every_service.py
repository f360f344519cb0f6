"""Each service as the process that it is, with its own PostgreSQL, while Kafka and its neighbours are away."""

from pathlib import Path

import grpc
import pytest
from sqlalchemy import func, select

from tandem.enrolment.v1 import service_pb2 as enrolment
from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceStub
from tandem.operations.v1 import service_pb2 as operations
from tandem.operations.v1.service_pb2_grpc import OperationsServiceStub
from tandem_cli.stack.services import SERVICES
from tandem_cli.tokens import Signer
from tandem_kit import tables
from tandem_kit.policy import Grant, Role
from tandem_kit.postgres import make_engine
from tandem_kit.rpc.client import connect
from tests.component.processes import running
from tests.conftest import Databases


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_answers_without_kafka_and_ends_when_told(
    name: str, databases: Databases, tmp_path: Path
) -> None:
    async with running(name, databases, tmp_path) as service:
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
        stub = OperationsServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetBacklog(operations.GetBacklogRequest())
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        # What is parked, and rebuilt, is no single site's.
        token = Signer(tmp_path).sign("night watch of lyon", Grant(Role.SRE, "lyon"))
        lyon = [("authorization", f"Bearer {token}")]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.RebuildProjections(operations.RebuildProjectionsRequest(), metadata=lyon)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
