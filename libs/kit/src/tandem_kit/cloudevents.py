"""CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_` headers, the value is the plain protobuf message."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

MOST_CHARACTERS = 200
"""Of a subject or a type."""

Headers = list[tuple[str, bytes]]


def headers_of(
    *,
    service: str,
    type_: str,
    aggregate_id: UUID,
    version: int,
    time: datetime,
    site: str | None,
    traceparent: str | None,
) -> Headers:
    """Return the headers of an event."""
    values = {
        "ce_specversion": "1.0",
        "ce_id": f"{aggregate_id}.{version}",
        "ce_type": type_,
        "ce_source": f"/tandem/{service}",
        "ce_subject": str(aggregate_id),
        "ce_time": time.isoformat().replace("+00:00", "Z"),
        "ce_partitionkey": str(aggregate_id),
        "ce_aggregateversion": str(version),
        "ce_site": site,
        "content-type": "application/protobuf",
        "traceparent": traceparent,
    }
    return [(name, value.encode()) for name, value in values.items() if value is not None]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a consumer needs of an event's headers."""

    type: str
    aggregate_id: str
    version: int
    time: datetime
    site: str | None
    traceparent: str | None


class BadEnvelope(Exception):  # noqa: N818
    """The headers do not make an event of ours; the text says why."""


def envelope_from(headers: Iterable[tuple[str, bytes | None]], key: bytes | None) -> Envelope:
    """Read the headers of a record, or raise `BadEnvelope`."""
    values: dict[str, str] = {}
    for name, value in headers:
        try:
            values[name] = (value or b"").decode()
        except UnicodeDecodeError:
            # Somebody else's header; ours are text, and missing ones are told below.
            continue
    try:
        version = int(values["ce_aggregateversion"])
        time = datetime.fromisoformat(values["ce_time"])
        type_ = values["ce_type"]
    except (KeyError, ValueError) as error:
        raise BadEnvelope(f"header missing or unreadable: {error}") from error
    aggregate = values.get("ce_subject") or (key or b"").decode(errors="replace")
    readable = aggregate and len(aggregate) <= MOST_CHARACTERS and len(type_) <= MOST_CHARACTERS
    if not 1 <= version < 2**31 or not readable or "\0" in aggregate + type_ or time.tzinfo is None:
        raise BadEnvelope("the version, the subject or the time has no meaning")
    return Envelope(type_, aggregate, version, time, values.get("ce_site"), values.get("traceparent"))
