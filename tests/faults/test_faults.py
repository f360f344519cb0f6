"""Every fault once, with work in flight: none may break anything. Every guard taken away once: a check must fail."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tandem_kit.testing.eventually import eventually
from tests.faults.cluster import Cluster
from tests.faults.faults import FAULTS
from tests.faults.rig import Rig, Servers
from tests.faults.rounds import play


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("faults"))
    yield servers
    servers.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(servers: Servers) -> AsyncIterator[Rig]:
    async with Rig(servers, seed=1).running() as rig:
        yield rig


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_is_lost_applied_twice_or_out_of_order(rig: Rig, fault: str) -> None:
    found = await play(rig, [fault])
    assert found.faults == {}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.mark.asyncio(loop_scope="module")
async def test_three_brokers_bear_the_loss_of_each_in_turn(cluster: Cluster) -> None:
    async with Rig(cluster, seed=5, replicas=3).running() as rig:
        found = await play(rig, ["leaders killed in turn"])
    assert found.faults == {}


@pytest.mark.asyncio(loop_scope="module")
async def test_in_a_quiet_round_nothing_stands_twice_in_kafka(servers: Servers) -> None:
    async with Rig(servers, seed=2).running() as rig:
        found = await play(rig, [])
    assert found.faults == {}
    assert found.raw_duplicates == 0


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("guard", "faults", "check"),
    [
        ("watermark", ["published twice"], "applied once"),
        ("gap rule", ["gap"], "parked as planted"),
        ("going back", ["database restored under running consumers"], "nothing lost"),
        ("offsets beside the effect", ["killed: consumer before commit"], "nothing lost"),
        ("order in a batch", [], "in order in Kafka"),
        ("unique version", ["two writers at once"], "what was acknowledged is applied"),
    ],
)
async def test_without_a_guard_its_check_fails(servers: Servers, guard: str, faults: list[str], check: str) -> None:
    async with Rig(servers, seed=3, without=guard, stalled_seconds=6).running() as rig:
        found = await play(rig, faults)
    assert check in found.faults


@pytest.mark.asyncio(loop_scope="module")
async def test_without_the_lead_two_relays_publish_the_same(servers: Servers) -> None:
    async with Rig(servers, seed=4, without="lead").running() as rig:
        for name in ("relay-1", "relay-2"):
            await rig.start(name)

        async def both_lead() -> bool:
            locks = "SELECT FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory'"
            return len(await rig.ask(rig.source_url, f"{locks} AND datname = current_database() AND granted")) == 2

        await eventually(both_lead)
        found = await play(rig, [])
    assert found.raw_duplicates > 0
