"""What is promised to other systems, held against what is there."""

import importlib
import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict, Parse
from google.protobuf.message_factory import GetMessageClass

from tandem.enrolment.v1 import events_pb2 as enrolment_events
from tandem.enrolment.v1 import service_pb2 as enrolment_service
from tandem.feedback.v1 import events_pb2 as feedback_events
from tandem.feedback.v1 import service_pb2 as feedback_service
from tandem.matching.v1 import events_pb2 as matching_events
from tandem.matching.v1 import service_pb2 as matching_service
from tandem.sessions.v1 import events_pb2 as sessions_events
from tandem.sessions.v1 import service_pb2 as sessions_service
from tandem_cli.settings import ROOT
from tandem_cli.topics import declared_topics
from tandem_enrolment.adapters.events import TOPICS as ENROLMENT_TOPICS
from tandem_enrolment.entrypoints.grpc_server import METHODS as ENROLMENT_METHODS
from tandem_feedback.adapters.events import TOPICS as FEEDBACK_TOPICS
from tandem_feedback.entrypoints.consumers import SUBSCRIPTION as FEEDBACK_SUBSCRIPTION
from tandem_feedback.entrypoints.grpc_server import METHODS as FEEDBACK_METHODS
from tandem_kit.rpc.server import ContractBroken, check_contract
from tandem_matching.adapters.events import TOPICS as MATCHING_TOPICS
from tandem_matching.entrypoints.consumers import SUBSCRIPTION as MATCHING_SUBSCRIPTION
from tandem_matching.entrypoints.grpc_server import METHODS as MATCHING_METHODS
from tandem_sessions.adapters.events import TOPICS as SESSIONS_TOPICS
from tandem_sessions.entrypoints.consumers import SUBSCRIPTION as SESSIONS_SUBSCRIPTION
from tandem_sessions.entrypoints.grpc_server import METHODS as SESSIONS_METHODS

EVENTS = {
    "enrolment": enrolment_events,
    "matching": matching_events,
    "sessions": sessions_events,
    "feedback": feedback_events,
}
TOPICS = {
    "enrolment": ENROLMENT_TOPICS,
    "matching": MATCHING_TOPICS,
    "sessions": SESSIONS_TOPICS,
    "feedback": FEEDBACK_TOPICS,
}
SUBSCRIPTIONS = {
    "matching": MATCHING_SUBSCRIPTION,
    "sessions": SESSIONS_SUBSCRIPTION,
    "feedback": FEEDBACK_SUBSCRIPTION,
}
METHODS = {
    "enrolment": (enrolment_service, ENROLMENT_METHODS),
    "matching": (matching_service, MATCHING_METHODS),
    "sessions": (sessions_service, SESSIONS_METHODS),
    "feedback": (feedback_service, FEEDBACK_METHODS),
}
MESSAGES = {
    message.full_name: GetMessageClass(message)
    for contract in EVENTS.values()
    for message in contract.DESCRIPTOR.message_types_by_name.values()
}
EXAMPLES = ROOT / "proto" / "examples"


def test_generating_the_code_again_changes_nothing(tmp_path: Path) -> None:
    protos = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "proto" / "tandem").rglob("*.proto"))
    outputs = [f"--{kind}={tmp_path}" for kind in ("python_out", "grpc_python_out")]
    outputs += [f"--{kind}=quiet:{tmp_path}" for kind in ("mypy_out", "mypy_grpc_out")]
    beside = str(Path(sys.executable).parent)
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", "proto", *outputs, *protos],
        cwd=ROOT,
        check=True,
        env={"PATH": f"{beside}:/usr/bin:/bin"},
    )
    committed = ROOT / "libs" / "contracts" / "src"
    made = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.py*")}
    kept = {p.relative_to(committed): p.read_bytes() for p in committed.rglob("*_pb2*.py*") if p.suffix != ".pyc"}
    assert made == kept


@pytest.mark.parametrize("service", METHODS)
def test_every_method_of_the_contract_has_a_use_case_that_fits(service: str) -> None:
    contract, methods = METHODS[service]
    check_contract(contract, f"{service.capitalize()}Service", methods)


def test_a_method_without_a_use_case_stops_the_service() -> None:
    contract, methods = METHODS["matching"]
    with pytest.raises(ContractBroken, match="AcceptProposal has no use case"):
        check_contract(contract, "MatchingService", [m for m in methods if m.name != "AcceptProposal"])


@pytest.mark.parametrize("service", EVENTS)
def test_every_event_is_declared_on_the_topic_of_its_aggregate(service: str) -> None:
    declared = {topic.name: set(topic.events) for topic in declared_topics() if topic.owner == service}
    assert {name for name, _ in TOPICS[service].topics.values()} == set(declared)
    events = {m.full_name for m in EVENTS[service].DESCRIPTOR.message_types_by_name.values()}
    assert set().union(*declared.values()) == events


@pytest.mark.parametrize("service", SUBSCRIPTIONS)
def test_every_subscriber_is_declared_and_handles_events_of_its_topics_alone(service: str) -> None:
    subscription = SUBSCRIPTIONS[service]
    topics = {topic.name: topic for topic in declared_topics()}
    assert subscription.topics == {name for name, topic in topics.items() if service in topic.consumers}
    carried = {event for name in subscription.topics for event in topics[name].events}
    assert set(subscription.messages) <= carried


def test_every_topic_has_twelve_partitions_and_a_name_that_kafka_likes() -> None:
    for topic in declared_topics():
        assert topic.partitions == 12
        assert topic.name.startswith(f"tandem.{topic.owner}.")
        assert topic.name.endswith(".v1")
        assert "_" not in topic.name


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_event_has_an_example_that_decodes_and_says_every_field(name: str) -> None:
    file = EXAMPLES / f"{name}.json"
    message = Parse(file.read_text(), MESSAGES[name](), ignore_unknown_fields=False)
    assert MESSAGES[name].FromString(message.SerializeToString()) == message
    said = MessageToDict(message, preserving_proto_field_name=True)
    assert set(said) == {field.name for field in message.DESCRIPTOR.fields}
    assert json.loads(file.read_text()) == said


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_event_is_a_fact_of_its_domain_with_the_same_fields(name: str) -> None:
    service, _, event = name.removeprefix("tandem.").split(".")
    aggregates = TOPICS[service].topics
    modules = {importlib.import_module(aggregate.__module__) for aggregate in aggregates}
    (fact,) = {getattr(module, event) for module in modules if hasattr(module, event)}
    assert {field.name for field in fields(fact)} == {field.name for field in MESSAGES[name].DESCRIPTOR.fields}


def test_there_is_no_example_without_an_event() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.json")} == set(MESSAGES)


def test_no_event_carries_a_name_a_mail_or_an_hris_reference() -> None:
    forbidden = {"given_name", "family_name", "name", "mail", "reference", "comment", "text", "objective"}
    for message in MESSAGES.values():
        assert not forbidden & {field.name for field in message.DESCRIPTOR.fields}
