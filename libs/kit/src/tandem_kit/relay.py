"""Publishes the outbox to Kafka, in order for every aggregate, and never gives up a row.

One process per database leads, by an advisory lock, and all SQL runs on the lock's own connection: a relay that lost
its session can mark nothing. It reads unpublished rows by id without a cursor, so a row that commits late is picked up
by the next round, and keeps one batch per partition in flight.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from opentelemetry.trace import Span, SpanKind

from tandem_kit import metrics
from tandem_kit.cloudevents import headers_of
from tandem_kit.logs import get_log
from tandem_kit.tracing import is_sampled, start_span

_LOCK = 0x7A4DE
_ROWS = 500
# Below Kafka's own limit for a request, 1 MiB.
_BATCH_BYTES = 1_000_000
_POLL_SECONDS = 1.0
_BACK_OFF_SECONDS = (0.2, 10.0)
_PURGE_SECONDS = 3600.0

_UNPUBLISHED = """
    SELECT id, topic, partition, aggregate_id, version, type, payload, site, time, traceparent, recorded_at
      FROM outbox
     WHERE published_at IS NULL AND NOT (aggregate_id = ANY($2))
     ORDER BY id LIMIT $1
"""

_OLDEST = "SELECT coalesce(extract(epoch FROM now() - min(recorded_at)), 0) FROM outbox WHERE published_at IS NULL"

_PURGE_KEYS = "DELETE FROM idempotency_keys WHERE recorded_at < now() - interval '7 days'"


class RowRefused(Exception):  # noqa: N818
    """Kafka will not take a row, now or later: its aggregate waits for a person, all others go on."""


class Relay:
    """Runs until it is cancelled."""

    def __init__(self, service: str, database_url: str, kafka: str) -> None:
        self._service = service
        self._database_url = database_url
        self._kafka = kafka
        self._woken = asyncio.Event()
        self._careful: set[tuple[str, int]] = set()
        self._blocked: dict[UUID, tuple[float, int]] = {}
        self.published = 0
        """Events acknowledged since the start."""

    async def run(self) -> None:
        """Wait for the lead, then publish; after any failure drop everything, back off, and begin again."""
        failures = published = 0
        while True:
            try:
                await self._lead()
            except Exception as error:  # noqa: BLE001 - whatever it was, the events still have to go
                metrics.PUBLISH_FAILURES.labels(self._service).inc()
                least, most = _BACK_OFF_SECONDS
                goes_on = self.published > published or isinstance(error, RowRefused)
                failures = 0 if goes_on else min(failures + 1, 10)
                published = self.published
                pause = min(most, least * 2**failures) * random.uniform(0.5, 1)
                get_log().warning("relay_failed", error=repr(error), retry_in_seconds=round(pause, 2))
                await asyncio.sleep(pause)

    async def _lead(self) -> None:
        connection = await asyncpg.connect(
            self._database_url,
            command_timeout=60.0,
            server_settings={"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5"},
        )
        try:
            # Asked again and again: waiting inside one statement would hold a snapshot, and vacuum back.
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_SECONDS)
            await connection.add_listener("outbox", self._wake)
            producer = AIOKafkaProducer(
                bootstrap_servers=self._kafka, acks="all", enable_idempotence=True, max_batch_size=_BATCH_BYTES
            )
            await producer.start()
            get_log().info("relay_leads")
            try:
                await self._publish(connection, producer)
            finally:
                await asyncio.shield(producer.stop())
        finally:
            with suppress(Exception):
                await connection.close(timeout=2)

    def _wake(self, *_: object) -> None:
        self._woken.set()

    async def _publish(self, connection: "asyncpg.Connection[Any]", producer: AIOKafkaProducer) -> None:
        loop = asyncio.get_running_loop()
        purge_at = loop.time()
        while True:
            self._woken.clear()
            now = loop.time()
            blocked = [aggregate for aggregate, (until, _) in self._blocked.items() if until > now]
            rows = await connection.fetch(_UNPUBLISHED, _ROWS, blocked)
            if rows:
                await self._send(connection, producer, rows)
            behind = len(rows) == _ROWS or blocked
            oldest = await connection.fetchval(_OLDEST) if behind else 0
            metrics.OUTBOX_OLDEST.labels(self._service).set(oldest)
            if now >= purge_at:
                await connection.execute(_PURGE_KEYS)
                purge_at = now + _PURGE_SECONDS
            if len(rows) < _ROWS:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), _POLL_SECONDS)

    async def _send(
        self, connection: "asyncpg.Connection[Any]", producer: AIOKafkaProducer, rows: Sequence["asyncpg.Record"]
    ) -> None:
        by_partition: dict[tuple[str, int], list[asyncpg.Record]] = defaultdict(list)
        for row in rows:
            by_partition[row["topic"], row["partition"]].append(row)
        sent = await asyncio.gather(
            *(self._send_batch(producer, at, batch) for at, batch in by_partition.items()), return_exceptions=True
        )
        acknowledged = [row_id for ids in sent if not isinstance(ids, BaseException) for row_id in ids]
        if acknowledged:
            await connection.execute("UPDATE outbox SET published_at = now() WHERE id = ANY($1)", acknowledged)
            self.published += len(acknowledged)
            metrics.PUBLISHED.labels(self._service).inc(len(acknowledged))
        for failure in sent:
            if isinstance(failure, BaseException):
                # The producer's sequence may have a hole now; a new one begins afresh.
                raise failure

    async def _send_batch(
        self, producer: AIOKafkaProducer, at: tuple[str, int], rows: Sequence["asyncpg.Record"]
    ) -> list[int]:
        """Send as many rows as one batch holds, and return the ids that Kafka acknowledged."""
        batch = producer.create_batch()
        ids: list[int] = []
        spans: list[Span] = []
        for row in rows[:1] if at in self._careful else rows:
            traceparent = row["traceparent"]
            if is_sampled(traceparent):
                published, traceparent = start_span(f"publish {row['type']}", SpanKind.PRODUCER, traceparent)
                spans.append(published)
            headers = headers_of(
                service=self._service,
                type_=row["type"],
                aggregate_id=row["aggregate_id"],
                version=row["version"],
                time=row["time"],
                site=row["site"],
                traceparent=traceparent,
            )
            key = str(row["aggregate_id"]).encode()
            if batch.append(key=key, value=row["payload"], timestamp=None, headers=headers) is None:
                break
            ids.append(row["id"])
        topic, partition = at
        try:
            await (await producer.send_batch(batch, topic, partition=partition))
        except KafkaError as error:
            if error.retriable:
                raise
            self._find_the_refused(at, rows[0] if len(ids) == 1 else None, error)
            raise RowRefused(repr(error)) from error
        finally:
            for published in spans:
                published.end()
        self._careful.discard(at)
        self._blocked.pop(rows[0]["aggregate_id"], None)
        return ids

    def _find_the_refused(self, at: tuple[str, int], row: "asyncpg.Record | None", error: KafkaError) -> None:
        # One by one, the row that Kafka refuses shows itself; it then blocks its own aggregate and nothing else.
        self._careful.add(at)
        if row is None:
            return
        _, attempts = self._blocked.get(row["aggregate_id"], (0.0, 0))
        until = asyncio.get_running_loop().time() + min(60.0, 2.0**attempts)
        self._blocked[row["aggregate_id"]] = (until, attempts + 1)
        get_log().error(
            "event_refused_by_kafka", topic=at[0], outbox_id=row["id"], error=repr(error), attempt=attempts + 1
        )
