"""Two processes of a service behind one address, restarted in turn while calls come in."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceStub
from tandem_kit import tables
from tandem_kit.postgres import make_engine
from tandem_kit.rpc.client import connect
from tandem_kit.testing.eventually import eventually
from tests.component.processes import Process, several
from tests.conftest import Databases

if TYPE_CHECKING:
    from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceAsyncStub

CALLERS = 8


class Load:
    """Callers who register one site after the other, and note what was acknowledged."""

    def __init__(self, processes: list[Process]) -> None:
        self._target = "ipv4:" + ",".join(process.address for process in processes)
        self._staff = processes[0].staff
        self._stopping = False
        self.acknowledged: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with connect(self._target) as channel:
            calling = [asyncio.create_task(self._call(EnrolmentServiceStub(channel), n)) for n in range(CALLERS)]
            try:
                yield
            finally:
                self._stopping = True
                await asyncio.gather(*calling)

    async def _call(self, stub: "EnrolmentServiceAsyncStub", caller: int) -> None:
        number = 0
        while not self._stopping:
            site = f"site-{caller}-{number}"
            request = pb.RegisterSiteRequest(site=site, name=site, time_zone="Europe/Paris")
            await stub.RegisterSite(request, metadata=self._staff)
            self.acknowledged.append(site)
            number += 1

    async def goes_on(self) -> None:
        """Return when many more calls have been answered."""
        before = len(self.acknowledged)

        async def many_more() -> bool:
            return len(self.acknowledged) > before + 200

        await eventually(many_more)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_no_call_fails_and_each_acts_once(databases: Databases, tmp_path: Path, how: signal.Signals) -> None:
    async with several("enrolment", 2, databases, tmp_path) as processes:
        load = Load(processes)
        async with load.running():
            for process in processes:
                await load.goes_on()
                code = await process.ends(how)
                assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL)
                await load.goes_on()
                await process.start()
                # As Kubernetes waits until a pod has been ready for a while: callers find it again within a second.
                await asyncio.sleep(1.5)
        engine = make_engine(processes[0].database_url, 1)
        async with engine.connect() as connection:
            events = await connection.execute(select(tables.outbox.c.aggregate_id, tables.outbox.c.version))
            versions = [row.version for row in events]
            keys = await connection.scalar(select(func.count()).select_from(tables.idempotency_keys))
        await engine.dispose()
    assert len(set(load.acknowledged)) == len(load.acknowledged) == keys
    assert versions == [1] * len(load.acknowledged)
