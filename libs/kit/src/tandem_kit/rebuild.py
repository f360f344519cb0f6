"""Makes a service's copies of its neighbours' facts anew, from their snapshots.

Everything happens in one transaction, which holds the consumers still: readers see the old copies until the new ones
are complete. The projections run as ever, on empty tables that hide the true ones from this one connection; then only
what differs is changed. Watermarks and offsets stay where they are, so what Kafka still has is applied, and reacted to,
as if nothing had been. Only a partition whose next events are gone from Kafka is begun anew, where it ends now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

import grpc.aio
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from google.rpc import code_pb2
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tandem.snapshots.v1 import service_pb2 as pb
from tandem_kit.batch import Handling
from tandem_kit.cloudevents import Envelope
from tandem_kit.domain import Rule, RuleBroken, refuse_unless
from tandem_kit.logs import get_log
from tandem_kit.postgres import PostgresDatabase, is_transient
from tandem_kit.rpc.errors import Refused
from tandem_kit.snapshots import aggregates_of
from tandem_kit.work import PARTITIONS, owner_of, partition_of

owner_knows_less = Rule(
    "owner_knows_less",
    en="{owner} knows less than was applied here of {count} aggregates, {aggregate} of {topic} among them: its "
    "database was restored to an earlier point. Say --owner-restored to forget here what it forgot.",
    fr="{owner} en sait moins que ce qui a été appliqué ici pour {count} agrégats, dont {aggregate} de {topic} : sa "
    "base a été restaurée à un point antérieur. Dites --owner-restored pour oublier ici ce qu'il a oublié.",
)

cannot_be_applied = Rule(
    "cannot_be_applied",
    en="{type}, version {version} of {aggregate}, cannot be applied: mend its handler, or discard the event where it "
    "is parked. Nothing was changed.",
    fr="{type}, version {version} de {aggregate}, ne peut être appliqué : corrigez son traitement, ou abandonnez "
    "l'événement là où il est mis de côté. Rien n'a été changé.",
)

# Aggregates whose copies are written together.
_TOGETHER = 500

Aggregate = tuple[str, str]
"""A topic, and the id of an aggregate."""
Reach = Mapping[TopicPartition, tuple[int, int]]
"""Of each partition, the first offset that Kafka has, and the one after the last."""


@dataclass(frozen=True, slots=True)
class RebuiltTable:
    """How a table of copies differed from its neighbours."""

    name: str
    rows: int
    added: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    tables: Sequence[RebuiltTable]
    partitions_begun_anew: int
    events_without_reaction: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What a rebuild works with; `owners` are the neighbours that publish the subscribed topics, by name."""

    handling: Handling
    group: str
    kafka: str
    owners: Mapping[str, grpc.aio.Channel]

    async def run(self, *, owner_restored: bool) -> Rebuilt:
        """Rebuild; `RuleBroken` where an owner knows less than was applied here, unless that is expected."""
        # A connection of its own: others remember statements about the tables that are hidden here.
        database = self.handling.database.alone()
        try:
            async with database.engine.connect() as connection, connection.begin():
                await _hold_consumers_still(connection)
                # Before the snapshots: what is published after them is consumed, whether or not they have it already.
                reach = await self._reach_of_kafka()
                copies = await self._hide_copies(database, connection)
                versions = await self._project(database, connection)
                tables = [await _show(connection, table) for table in copies]
                anew, unanswered = await _move_on(
                    connection, self.group, reach, versions, owner_restored=owner_restored
                )
        except KafkaError as error:
            raise _away("Kafka", error) from error
        finally:
            await database.engine.dispose()
        get_log().warning("projections_rebuilt", partitions_begun_anew=anew, events_without_reaction=unanswered)
        return Rebuilt(tables, anew, unanswered)

    @property
    def _topics(self) -> list[str]:
        return sorted(self.handling.subscription.topics)

    async def _reach_of_kafka(self) -> Reach:
        partitions = [TopicPartition(topic, number) for topic in self._topics for number in range(PARTITIONS)]
        kafka = AIOKafkaConsumer(bootstrap_servers=self.kafka)
        try:
            await kafka.start()
            first, ends = await kafka.beginning_offsets(partitions), await kafka.end_offsets(partitions)
            return {at: (first[at], ends[at]) for at in partitions}
        finally:
            await kafka.stop()

    async def _hide_copies(self, database: PostgresDatabase, connection: AsyncConnection) -> list[Table]:
        work = self.handling.works.over(database.store(connection))
        copies = [database.tables[getattr(work, name).table] for name in self.handling.subscription.facts]
        for table in copies:
            # A session's own tables come first wherever a table is named.
            made = f"CREATE TEMP TABLE {table.name} (LIKE public.{table.name} INCLUDING ALL) ON COMMIT DROP"
            await connection.execute(text(made))
        return copies

    async def _project(self, database: PostgresDatabase, connection: AsyncConnection) -> dict[Aggregate, int]:
        """Fill the hidden tables; return how far each aggregate has come."""
        versions: dict[Aggregate, int] = {}
        for topic in self._topics:
            work, owner = self.handling.works.over(database.store(connection)), owner_of(topic)
            discarded = await _discarded(connection, topic)
            try:
                async for aggregate in aggregates_of(topic, self.owners[owner]):
                    versions[topic, aggregate.aggregate_id] = aggregate.version
                    await self._apply(aggregate, work, discarded)
                    if len(versions) % _TOGETHER == 0:
                        await work.flush()
                        work = self.handling.works.over(database.store(connection))
            except grpc.aio.AioRpcError as error:
                raise _away(owner, error) from error
            await work.flush()
        return versions

    async def _apply(self, aggregate: pb.AggregateSnapshot, work: object, discarded: set[tuple[str, int]]) -> None:
        subscription = self.handling.subscription
        for event in aggregate.events:
            if (aggregate.aggregate_id, event.version) in discarded:
                continue
            site, time = event.site if event.HasField("site") else None, event.time.ToDatetime(UTC)
            about = Envelope(event.type, aggregate.aggregate_id, event.version, time, site, traceparent=None)
            try:
                for project in subscription.projections.get(event.type, ()):
                    await project(subscription.messages[event.type].FromString(event.data), about, work)
            except Exception as error:
                if is_transient(error):
                    raise
                get_log().error("rebuild_failed", type=event.type, aggregate=about.aggregate_id, error=repr(error))
                raise RuleBroken(
                    cannot_be_applied, type=event.type, version=event.version, aggregate=about.aggregate_id
                ) from error


def _away(who: str, error: Exception) -> Refused:
    get_log().warning("rebuild_failed", neighbour=who, error=repr(error))
    code = error.code() if isinstance(error, grpc.aio.AioRpcError) else grpc.StatusCode.UNAVAILABLE
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        return Refused(
            code_pb2.UNAVAILABLE,
            "neighbour_away",
            f"{who} does not answer. Nothing was changed; try again.",
            f"{who} ne répond pas. Rien n'a été changé ; réessayez.",
        )
    return Refused(
        code_pb2.FAILED_PRECONDITION,
        "neighbour_refuses",
        f"{who} refuses its snapshot ({code.name}). Nothing was changed.",
        f"{who} refuse son instantané ({code.name}). Rien n'a été changé.",
    )


async def _hold_consumers_still(connection: AsyncConnection) -> None:
    # Every batch begins by moving its offsets, every replay by taking a watermark. They wait here, fail after a while
    # as in any passing fault, and try again. A rebuild that somebody paused ends, too.
    for setting in ("lock_timeout = '30s'", "idle_in_transaction_session_timeout = '5min'"):
        await connection.execute(text(f"SET LOCAL {setting}"))
    await connection.execute(text("LOCK TABLE consumer_offsets, watermarks IN SHARE ROW EXCLUSIVE MODE"))
    await connection.execute(text("SET LOCAL search_path = pg_temp, public"))


async def _discarded(connection: AsyncConnection, topic: str) -> set[tuple[str, int]]:
    """Return the events that a person gave up: aggregates and versions."""
    return {(row.aggregate_id, row.version) for row in await connection.execute(_DISCARDED, {"topic": topic})}


async def _show(connection: AsyncConnection, table: Table) -> RebuiltTable:
    """Bring the true table to what the hidden one has."""
    columns = [column.name for column in table.columns]
    listed, values = ", ".join(columns), ", ".join(f"new.{column}" for column in columns)
    merge = text(f"""
        WITH merged AS (
            MERGE INTO public.{table.name} old USING pg_temp.{table.name} new ON new.id = old.id
             WHEN MATCHED AND ROW(old.*) IS DISTINCT FROM ROW(new.*) THEN UPDATE SET ({listed}) = ROW({values})
             WHEN NOT MATCHED BY TARGET THEN INSERT ({listed}) VALUES ({values})
             WHEN NOT MATCHED BY SOURCE THEN DELETE
            RETURNING merge_action() AS how
        )
        SELECT (SELECT count(*) FROM pg_temp.{table.name}) AS rows,
               count(*) FILTER (WHERE how = 'INSERT') AS added,
               count(*) FILTER (WHERE how = 'UPDATE') AS changed,
               count(*) FILTER (WHERE how = 'DELETE') AS removed
          FROM merged
    """)  # noqa: S608 - names of our own tables
    row = (await connection.execute(merge)).one()
    return RebuiltTable(table.name, row.rows, row.added, row.changed, row.removed)


async def _move_on(
    connection: AsyncConnection,
    group: str,
    reach: Reach,
    versions: Mapping[Aggregate, int],
    *,
    owner_restored: bool,
) -> tuple[int, int]:
    """Begin anew where Kafka lacks what comes next, and where an owner forgot; the two numbers are `Rebuilt`'s."""
    topics = sorted({at.topic for at in reach})
    rows = await connection.execute(_WATERMARKS, {"topics": topics})
    applied = {(row.topic, row.aggregate_id): row.version for row in rows}
    beyond = sorted(key for key, version in applied.items() if version > versions.get(key, 0))
    if beyond:
        topic, aggregate = beyond[0]
        about = {"owner": owner_of(topic), "count": len(beyond), "aggregate": aggregate, "topic": topic}
        refuse_unless(owner_restored, owner_knows_less, **about)
    forgetful = {owner_of(topic) for topic, _ in beyond}
    rows = await connection.execute(_OFFSETS, {"group": group, "topics": topics})
    stored = {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}
    anew = {
        at: ends
        for at, (begins, ends) in reach.items()
        if owner_of(at.topic) in forgetful or not begins <= stored.get(at, 0) <= ends
    }
    moved = {
        key: versions.get(key, 0)
        for key in applied.keys() | versions.keys()
        if TopicPartition(key[0], partition_of(key[1].encode())) in anew
    }
    if anew:
        offsets = [{"group": group, "topic": at.topic, "partition": at.partition, "next": n} for at, n in anew.items()]
        await connection.execute(_SET_OFFSET, offsets)
    if moved:
        marks = [{"topic": topic, "aggregate": key, "version": version} for (topic, key), version in moved.items()]
        await connection.execute(_SET_WATERMARK, marks)
        # What was set aside of them is known to the copies, or forgotten by its owner: it is not to be replayed.
        await connection.execute(_PASS_BY, marks)
    return len(anew), sum(max(0, version - applied.get(key, 0)) for key, version in moved.items())


_DISCARDED = text("SELECT aggregate_id, version FROM parked WHERE topic = :topic AND settled_how = 'discarded'")
_PASS_BY = text("""
    UPDATE parked SET settled_at = now(), settled_how = 'passed by', settled_by = 'rebuild',
                      settled_why = 'its aggregate was begun anew'
     WHERE settled_at IS NULL AND topic = :topic AND aggregate_id = :aggregate
""")
_WATERMARKS = text("SELECT topic, aggregate_id, version FROM watermarks WHERE topic = ANY(:topics)")
_OFFSETS = text("""
    SELECT topic, partition, next_offset FROM consumer_offsets WHERE consumer_group = :group AND topic = ANY(:topics)
""")
_SET_OFFSET = text("""
    INSERT INTO consumer_offsets (consumer_group, topic, partition, next_offset)
    VALUES (:group, :topic, :partition, :next)
        ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
""")
_SET_WATERMARK = text("""
    INSERT INTO watermarks (topic, aggregate_id, version) VALUES (:topic, :aggregate, :version)
        ON CONFLICT (topic, aggregate_id) DO UPDATE SET version = excluded.version
""")
