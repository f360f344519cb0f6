"""A service's aggregates for whoever comes late: each with its version, and the events that make it what it is.

They come from the outbox, which keeps every event for as long as its aggregate.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import grpc.aio
from sqlalchemy import text

from tandem.snapshots.v1 import service_pb2
from tandem.snapshots.v1.service_pb2_grpc import SnapshotServiceStub
from tandem_kit.domain import Clock, NotFound
from tandem_kit.policy import Role
from tandem_kit.rpc.server import Method, query
from tandem_kit.work import Topics

# Below gRPC's limit of 4 MiB for a message, unless the last aggregate of a page is a giant.
_PAGE_BYTES = 1_000_000
_PAGE = text("""
    SELECT aggregate_id, version, type, time, site, payload
      FROM outbox
     WHERE topic = :topic AND aggregate_id IN (
               SELECT DISTINCT aggregate_id FROM outbox
                WHERE topic = :topic AND (CAST(:after AS uuid) IS NULL OR aggregate_id > CAST(:after AS uuid))
                ORDER BY aggregate_id LIMIT :limit)
     ORDER BY aggregate_id, version
""")


@dataclass(frozen=True, slots=True)
class GetSnapshot:
    """One page of a topic's aggregates."""

    topic: str
    after: UUID | None
    limit: int


@dataclass(frozen=True, slots=True)
class SnapshotEvent:
    type: str
    version: int
    time: datetime
    site: str | None
    data: bytes


@dataclass(slots=True)
class AggregateSnapshot:
    aggregate_id: UUID
    version: int
    events: list[SnapshotEvent]


@dataclass(frozen=True, slots=True)
class SnapshotPage:
    aggregates: Sequence[AggregateSnapshot]


def snapshots(topics: Topics) -> tuple[Method, ...]:
    """Return the methods of `SnapshotService` over the outbox of one service."""
    names = {topic for topic, _ in topics.topics.values()}

    async def get_snapshot(query: GetSnapshot, work: Any, _clock: Clock) -> SnapshotPage:
        if query.topic not in names:
            raise NotFound("Topic", query.topic)
        given = {"topic": query.topic, "after": query.after, "limit": query.limit}
        page: list[AggregateSnapshot] = []
        size = 0
        for row in await work.store.connection.execute(_PAGE, given):
            if not page or page[-1].aggregate_id != row.aggregate_id:
                if size > _PAGE_BYTES:
                    break
                page.append(AggregateSnapshot(row.aggregate_id, 0, []))
            page[-1].version = row.version
            page[-1].events.append(SnapshotEvent(row.type, row.version, row.time, row.site, row.payload))
            size += len(row.payload) + len(row.type)
        return SnapshotPage(page)

    return (query(get_snapshot, allow=(Role.SERVICE, Role.SUBSCRIBER), everywhere=True),)


async def aggregates_of(
    topic: str, channel: grpc.aio.Channel, page: int = 500
) -> AsyncIterator[service_pb2.AggregateSnapshot]:
    """Ask the owner of a topic for its aggregates, page by page."""
    stub = SnapshotServiceStub(channel)
    request = service_pb2.GetSnapshotRequest(topic=topic, limit=page)
    while answer := (await stub.GetSnapshot(request)).aggregates:
        for aggregate in answer:
            yield aggregate
        request.after = answer[-1].aggregate_id
