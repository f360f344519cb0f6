"""Writes `docs/events/`: an AsyncAPI document and a page per event, from the contract with its comments."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from tandem_cli.settings import ROOT
from tandem_cli.topics import Topic, declared_topics

OUT = ROOT / "docs" / "events"
_PROTO = ROOT / "proto"
_FORMAT = "application/vnd.google.protobuf;version=3"

# What a field of this name means wherever it stands without a comment of its own.
_MEANINGS = {
    "attendance": "Who was expected, and whether they came.",
    "blueprint": "The code of the programme's design.",
    "capacity": "How many mentees at once.",
    "enrolled_at": "When they volunteered; whoever waits longest is matched first.",
    "enrolment_id": "A person's part in a programme.",
    "expires_at": "Until when both may answer.",
    "format": "One to one, or collective.",
    "functional_manager_id": "A second person they report to; absent where there is none.",
    "languages": "Codes of languages, as `fr`.",
    "manager_id": "The person they report to; absent at the top.",
    "mentee_id": "The person who learns.",
    "mentor_id": "The person who teaches.",
    "mentor_ids": "The people who teach.",
    "minutes": "How long.",
    "module": "The code of the part of the curriculum.",
    "objectives": "How many; their words stay with the pair.",
    "opened_at": "When.",
    "pair_id": "The pair.",
    "part": "Content, or posture.",
    "person_id": "A person. Their name is asked of enrolment, by those who may.",
    "programme_id": "The programme.",
    "proposal_id": "The proposal.",
    "proposals": "How many.",
    "questionnaire_id": "The questionnaire.",
    "reason": "Why.",
    "run_id": "The matching run.",
    "session_id": "The session.",
    "site": "The code of a site.",
    "starts_at": "When it begins.",
    "time_zone": "As in the IANA database, `Europe/Paris`.",
    "topics": "What they offer or want, each with a level from 1 to 5.",
    "unmatched": "How many were left without a partner.",
    "code": "Its code.",
    "level": "From 1 to 5.",
    "status": "Whether they came.",
}

_HEADERS = {
    "ce_specversion": ("always `1.0`", True),
    "ce_id": ("the aggregate's id and the version: the same event has the same id, however often it is sent", True),
    "ce_type": ("the full name of the message", True),
    "ce_source": ("`/tandem/<service>`", True),
    "ce_subject": ("the aggregate's id", True),
    "ce_time": ("when it happened, by the programme's clock (RFC 3339, UTC)", True),
    "ce_partitionkey": ("the aggregate's id, which is also the record's key", True),
    "ce_aggregateversion": ("1, 2, 3 … within the aggregate, without a gap", True),
    "ce_site": ("the code of the site, where the event belongs to one", False),
    "content-type": ("always `application/protobuf`", True),
    "traceparent": ("the trace that it belongs to (W3C)", False),
}


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: str
    meaning: str


class Contract:
    """Every message and enum of `proto/`, with its comment."""

    def __init__(self) -> None:
        self.messages: dict[str, DescriptorProto] = {}
        self.enums: dict[str, EnumDescriptorProto] = {}
        self._comments: dict[tuple[str, ...], str] = {}
        for file in _described().file:
            if file.package.startswith("tandem."):
                self._learn(file)

    def _learn(self, file: FileDescriptorProto) -> None:
        said = {tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location}
        for number, message in enumerate(file.message_type):
            name = f"{file.package}.{message.name}"
            self.messages[name] = message
            self._comments[(name,)] = said.get((4, number), "")
            for place, field in enumerate(message.field):
                self._comments[name, field.name] = said.get((4, number, 2, place), "")
        for enum in file.enum_type:
            self.enums[f"{file.package}.{enum.name}"] = enum

    def meaning(self, message: str) -> str:
        comment = self._comments[(message,)]
        if not comment:
            raise SystemExit(f"{message} has no comment that says what it means.")
        return comment

    def fields(self, message: str) -> list[Field]:
        found = []
        for field in self.messages[message].field:
            meaning = self._comments[message, field.name] or _MEANINGS.get(field.name)
            if not meaning:
                raise SystemExit(f"{message}.{field.name} has no comment, and its name no meaning of its own.")
            found.append(Field(field.name, self._type(field), meaning))
        return found

    def parts(self, message: str) -> list[str]:
        """Return the message and every message and enum of ours that it is made of."""
        found = [message]
        for name in found:
            for field in self.messages[name].field if name in self.messages else ():
                part = field.type_name.removeprefix(".")
                if part.startswith("tandem.") and part not in found:
                    found.append(part)
        return found

    def _type(self, field: FieldDescriptorProto) -> str:
        name = field.type_name.rpartition(".")[2] or FieldDescriptorProto.Type.Name(field.type)[5:].lower()
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            return f"repeated {name}"
        return f"optional {name}" if field.proto3_optional else name

    def source(self, message: str) -> str:
        """Return the message, with all that it is made of, as a proto file of its own."""
        lines = ['syntax = "proto3";', ""]
        if any(".google.protobuf.Timestamp" in f.type_name for n in self.parts(message) for f in self._own(n)):
            lines += ['import "google/protobuf/timestamp.proto";', ""]
        for name in self.parts(message):
            lines += self._enum(name) if name in self.enums else self._message(name)
        return "\n".join(lines)

    def _own(self, name: str) -> list[FieldDescriptorProto]:
        return list(self.messages[name].field) if name in self.messages else []

    def _message(self, name: str) -> Iterator[str]:
        yield f"message {name.rpartition('.')[2]} {{"
        for field in self.messages[name].field:
            kind = self._type(field).replace("Timestamp", "google.protobuf.Timestamp")
            yield f"  {kind} {field.name} = {field.number};"
        yield "}"
        yield ""

    def _enum(self, name: str) -> Iterator[str]:
        yield f"enum {name.rpartition('.')[2]} {{"
        for value in self.enums[name].value:
            yield f"  {value.name} = {value.number};"
        yield "}"
        yield ""


def _described() -> FileDescriptorSet:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "all.binpb"
        files = [str(file) for file in sorted((_PROTO / "tandem").rglob("*.proto"))]
        # A process of its own: the compiler and OR-Tools each carry a protobuf, and one process cannot load both.
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{_PROTO}", "--include_source_info"]
        if subprocess.run([*command, f"--descriptor_set_out={out}", *files], check=False).returncode != 0:  # noqa: S603
            raise SystemExit("protoc could not read the contract.")
        return FileDescriptorSet.FromString(out.read_bytes())


def documents() -> dict[str, str]:
    """Return every file of `docs/events/` by its name."""
    contract, topics = Contract(), declared_topics()
    found = {"README.md": _overview(contract, topics), "asyncapi.yaml": _asyncapi(contract, topics)}
    for topic in topics:
        for event in topic.events:
            found[f"{event}.md"] = _page(contract, topic, event)
    return found


def _overview(contract: Contract, topics: list[Topic]) -> str:
    headers = [
        f"| `{name}` | {'yes' if always else 'no'} | {meaning} |" for name, (meaning, always) in _HEADERS.items()
    ]
    lists = []
    for topic in topics:
        lists += [
            "",
            f"### `{topic.name}`",
            "",
            f"{topic.description} Key: `{topic.key}`.",
            "",
            "| event | means |",
            "|---|---|",
        ]
        lists += [f"| [{e.rpartition('.')[2]}]({e}.md) | {contract.meaning(e)} |" for e in topic.events]
    return _OVERVIEW.format(headers="\n".join(headers), topics="\n".join(lists).strip())


_OVERVIEW = """\
# Tandem's events

Written by `make docs` from `proto/`; [asyncapi.yaml](asyncapi.yaml) says the same for tools. A whole subscriber, with
its test, is in [examples/subscriber](../../examples/subscriber/README.md).

## What a record is

A CloudEvent 1.0 in Kafka's binary mode: attributes are headers, the value is one plain protobuf message, whose name is
`ce_type`. No registry is needed: take `proto/`, or the schema in the event's page.

| header | always | is |
|---|---|---|
{headers}

A record carries references only: a person is a random id. Names, mail and the HRIS's own references never travel by
Kafka.

## What is promised

- **At least once.** After a fault a record may come again, with the same `ce_id`. Keep the last `ce_aggregateversion`
  of each `ce_subject`, and skip what is not above it.
- **In order within an aggregate**: versions 1, 2, 3 … of one `ce_subject` come in this order, because they share a
  partition. Between aggregates, and between topics, there is no order.
- **Without a gap.** If version 4 follows version 2, stop and tell us; that is a fault.
- **Types may be added** to a topic at any time: pass by a `ce_type` that you do not know, and note its version.
- **Fields may be added** to a message; none changes its number, type or meaning, and none is taken away. What would
  break this gets a new topic, `….v2`, and both are published for a while.
- **12 partitions**, for life. **Retention** is in each event's page, and counts from when Kafka got the event, by the
  machine's clock; what is older is in the snapshot.
- What Tandem promises itself is in [reliability](../reliability.md), with the tests that prove it.

## Coming late

A topic forgets; its owner does not. `tandem.snapshots.v1.SnapshotService`, which every service answers, has every
aggregate of its topics, with its version and the events that make it what it is. To begin, or to begin again:

1. note the end offset of every partition of the topic;
2. call `GetSnapshot` with the topic and a limit from 1 to 500, page by page (`after` is the last id of the page
   before), until a page is empty; apply its events as if Kafka had brought them, but do not mind versions that are
   missing, and keep each aggregate's `version` as the last one that you have seen;
3. consume from the offsets of step 1. What the snapshot had already is skipped by its version.

Do the same whenever an offset of yours is no longer in the topic; let your client raise an error then, and not jump.

The service is the topic's owner, which is the second word of the topic's name; the messages are in
`proto/tandem/snapshots/v1/service.proto`, which imports `proto/tandem/rules/v1/rules.proto`. A call takes a deadline,
and a token with the role `subscriber` in the metadata `authorization: Bearer …`; in the local stack, `tandem status`
tells the address (without TLS) and `tandem token --role subscriber` signs the token.

## Topics

{topics}
"""


def _page(contract: Contract, topic: Topic, event: str) -> str:
    rows = [f"| `{f.name}` | {f.type} | {f.meaning} |" for f in contract.fields(event)]
    example = (_PROTO / "examples" / f"{event}.json").read_text().strip()
    return _PAGE.format(
        name=event.rpartition(".")[2],
        meaning=contract.meaning(event),
        topic=topic.name,
        key=topic.key,
        owner=topic.owner,
        days=topic.retention_days,
        event=event,
        fields="\n".join(rows),
        example=example,
        source=contract.source(event).strip(),
    )


_PAGE = """\
# {name}

{meaning}

Topic `{topic}`, key `{key}`, owner {owner}, kept for {days} days. `ce_type` is `{event}`. Order, repetition and
compatibility are [the same for all events](README.md#what-is-promised).

| field | type | is |
|---|---|---|
{fields}

For example, as JSON:

```json
{example}
```

Its schema, complete:

```proto
{source}
```
"""


def _asyncapi(contract: Contract, topics: list[Topic]) -> str:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for topic in topics:
        channels[topic.name] = {
            "address": topic.name,
            "description": topic.description,
            "messages": {e: {"$ref": f"#/components/messages/{e}"} for e in topic.events},
            "bindings": {"kafka": {"topic": topic.name, "partitions": topic.partitions}},
        }
        operations[f"publish.{topic.name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{topic.name}"},
            "summary": f"{topic.owner.capitalize()} publishes.",
        }
        messages |= {event: _message(contract, event) for event in topic.events}
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tandem's events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 over Kafka, in binary mode; the value is plain protobuf.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/protobuf",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "messageTraits": {"cloudevent": {"headers": _header_schema()}}},
    }
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text


def _message(contract: Contract, event: str) -> Mapping[str, Any]:
    return {
        "name": event,
        "title": event.rpartition(".")[2],
        "summary": contract.meaning(event),
        "contentType": "application/protobuf",
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}}},
        "payload": {"schemaFormat": _FORMAT, "schema": contract.source(event)},
    }


def _header_schema() -> Mapping[str, Any]:
    properties = {name: {"type": "string", "description": meaning} for name, (meaning, _) in _HEADERS.items()}
    required = [name for name, (_, always) in _HEADERS.items() if always]
    return {"type": "object", "required": required, "properties": properties}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for name, text in documents().items():
        (OUT / name).write_text(text)


if __name__ == "__main__":
    main()
