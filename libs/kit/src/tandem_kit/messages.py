"""Protobuf messages from and to the dataclasses of the domain, field by field of the same name.

The contract uses the domain's words, so no mapping is written down: `PairFormed` the fact becomes `PairFormed` the
message, and a request becomes its command. What does not fit is found when a service starts, not when it is called.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import TypeAdapter

T = TypeVar("T")
M = TypeVar("M", bound=Message)

_TIMESTAMP = "google.protobuf.Timestamp"


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return the (cached) converter between a dataclass and plain values."""
    return TypeAdapter(kind)


@cache
def _enum_prefix(enum: Any) -> str:
    # buf's lint gives every enum a zero value NAME_UNSPECIFIED.
    return str(enum.values_by_number[0].name).removesuffix("UNSPECIFIED")


def to_plain(message: Message) -> dict[str, Any]:
    """Return the message as plain values: enums as lower-case words, times as aware datetimes, absent as None."""
    plain: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            plain[field.name] = [_plain_value(field, item) for item in value]
        elif field.has_presence and not message.HasField(field.name):
            plain[field.name] = None
        else:
            plain[field.name] = _plain_value(field, value)
    return plain


def _plain_value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        if field.message_type.full_name == _TIMESTAMP:
            return value.ToDatetime(tzinfo=UTC)
        return to_plain(value)
    if field.enum_type is not None:
        enum = field.enum_type
        return enum.values_by_number[value].name.removeprefix(_enum_prefix(enum)).lower()
    return value


def to_dataclass(message: Message, kind: type[T], **given: object) -> T:
    """Return the dataclass whose fields are the message's fields of the same names, and those given."""
    plain = to_plain(message)
    wanted = {f.name for f in fields(cast("Any", kind))}
    value: T = adapter(cast("Any", kind)).validate_python({k: v for k, v in plain.items() if k in wanted} | given)
    return value


def to_message(value: object, kind: type[M]) -> M:
    """Return the message whose fields are the dataclass's fields (or the mapping's items) of the same names."""
    message = kind()
    _fill(message, value)
    return message


def _fill(message: Message, value: object) -> None:
    for field in message.DESCRIPTOR.fields:
        item = value.get(field.name) if isinstance(value, Mapping) else getattr(value, field.name, None)
        if item is None:
            continue
        if field.is_repeated:
            target = getattr(message, field.name)
            for one in _in_order(item):
                if field.message_type is not None:
                    _fill(target.add(), one)
                else:
                    target.append(_proto_value(field, one))
        elif field.message_type is None:
            setattr(message, field.name, _proto_value(field, item))
        elif field.message_type.full_name == _TIMESTAMP:
            cast("Timestamp", getattr(message, field.name)).FromDatetime(item)
        elif isinstance(item, Message):
            getattr(message, field.name).CopyFrom(item)
        else:
            getattr(message, field.name).SetInParent()
            _fill(getattr(message, field.name), item)


def _in_order(items: Iterable[Any]) -> Iterable[Any]:
    return sorted(items, key=str) if isinstance(items, set | frozenset) else items


def _proto_value(field: Any, value: object) -> Any:
    if field.enum_type is not None:
        word = str(value.value if isinstance(value, Enum) else value)
        return field.enum_type.values_by_name[_enum_prefix(field.enum_type) + word.upper()].number
    if isinstance(value, UUID | Enum):
        return str(value.value if isinstance(value, Enum) else value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def missing_fields(kind: type, message: Any, *, given: Iterable[str] = ()) -> set[str]:
    """Return the names of the dataclass's required fields that neither the message nor the caller fills."""
    known = {field.name for field in message.fields} | set(given)
    return {f.name for f in fields(kind) if f.name not in known and f.init}


def unknown_fields(kind: type, message: Any) -> set[str]:
    """Return the names of the message's fields that the dataclass does not have."""
    known = {f.name for f in fields(kind)} | {name for name, v in vars(kind).items() if isinstance(v, property)}
    return {field.name for field in message.fields} - known
