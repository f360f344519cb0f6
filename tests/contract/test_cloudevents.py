from datetime import UTC, datetime
from uuid import uuid4

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tandem_kit.cloudevents import BadEnvelope, Envelope, envelope_from, headers_of

KEY = uuid4()
HEADERS = headers_of(
    service="matching",
    type_="tandem.matching.v1.PairFormed",
    aggregate_id=KEY,
    version=3,
    time=datetime(2026, 1, 5, 9, 30, tzinfo=UTC),
    site="lyon",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def test_the_official_library_reads_our_events() -> None:
    headers = dict(HEADERS)
    event = from_binary(KafkaMessage(headers, str(KEY).encode(), b"\x0a\x00"), JSONFormat(), CloudEvent)
    assert event.get_id() == f"{KEY}.3"
    assert event.get_type() == "tandem.matching.v1.PairFormed"
    assert event.get_source() == "/tandem/matching"
    assert event.get_subject() == str(KEY)
    assert event.get_time() == datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    assert event.get_extension("site") == "lyon"
    assert event.get_extension("aggregateversion") == "3"


def test_what_is_written_is_read_back() -> None:
    assert envelope_from(HEADERS, None) == Envelope(
        type="tandem.matching.v1.PairFormed",
        aggregate_id=str(KEY),
        version=3,
        time=datetime(2026, 1, 5, 9, 30, tzinfo=UTC),
        site="lyon",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


@pytest.mark.parametrize("name", ["ce_type", "ce_aggregateversion", "ce_time"])
def test_headers_that_make_no_event_are_told(name: str) -> None:
    with pytest.raises(BadEnvelope):
        envelope_from([(k, v) for k, v in HEADERS if k != name], None)


def test_a_foreign_header_that_is_not_text_does_not_matter() -> None:
    assert envelope_from([*HEADERS, ("kafka_dlt-original-offset", b"\xff\x00")], None).version == 3
