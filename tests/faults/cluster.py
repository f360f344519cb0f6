"""Three brokers, each also a controller, as production has at least: replication 3, two in sync to acknowledge."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tandem_cli.settings import CliSettings
from tandem_cli.stack.kafka import format_log, java_command, wait_for_kafka
from tandem_cli.stack.postgres import start_postgres, wait_for_postgres
from tandem_cli.stack.processes import free_port
from tandem_kit.testing.eventually import eventually
from tests.faults.rig import Servers

NODES = (1, 2, 3)

_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
unclean.leader.election.enable=false
offsets.topic.replication.factor=3
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
replica.lag.time.max.ms=3000
"""


class Cluster(Servers):
    """Three brokers and a PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._ports = {node: (free_port(), free_port()) for node in NODES}
        self.kafka = ",".join(f"127.0.0.1:{port}" for port, _ in self._ports.values())

    async def start(self) -> None:
        if self.process("postgres") is None:
            self.postgres = start_postgres(self._state, self.folder)
        for node in NODES:
            if self.process(f"kafka-{node}") is None:
                await asyncio.to_thread(self._start_broker, node)
        await wait_for_postgres(self._state, self.postgres, self.folder)
        for port, _ in self._ports.values():
            await wait_for_kafka(self._state, f"127.0.0.1:{port}", self.folder)

    def _start_broker(self, node: int) -> None:
        folder = self.folder / f"kafka-{node}"
        properties, (port, controller) = folder / "server.properties", self._ports[node]
        command = java_command(CliSettings().cache, folder)
        if not folder.exists():
            folder.mkdir()
            voters = ",".join(f"{n}@127.0.0.1:{c}" for n, (_, c) in self._ports.items())
            given = {"node": node, "voters": voters, "port": port, "controller": controller, "data": folder / "log"}
            properties.write_text(_PROPERTIES.format(**given))
            format_log(command, properties)
        log = self.folder / "logs" / f"kafka-{node}.log"
        self._state.start(f"kafka-{node}", [*command, "kafka.Kafka", str(properties)], f"127.0.0.1:{port}", log)

    async def kill(self, node: int) -> None:
        """End a broker with SIGKILL."""
        process = self.process(f"kafka-{node}")
        if process is not None:
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait, 10)

    async def partitions_of(self, topic: str) -> list[dict[str, Any]]:
        """Return who leads each partition of a topic, and who is in sync; nothing where nobody can tell now."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        try:
            await admin.start()
            (described,) = await admin.describe_topics([topic])
            return list(described["partitions"])
        except KafkaError:
            return []
        finally:
            await admin.close()

    async def in_sync(self, topic: str) -> None:
        """Return when every replica of the topic is in sync."""

        async def all_are() -> bool:
            partitions = await self.partitions_of(topic)
            return bool(partitions) and all(len(p["isr"]) == len(p["replicas"]) for p in partitions)

        await eventually(all_are, 60)

    def stop(self) -> None:
        self._state.stop([f"kafka-{node}" for node in NODES] + ["postgres"], 10)
