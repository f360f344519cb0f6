"""Checks a message against the rules that its fields carry in the contract, and names every violation at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from re import compile as pattern
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tandem.rules.v1 import rules_pb2

# The years 2000 to 2200.
_LEAST_SECONDS, _MOST_SECONDS = 946_684_800, 7_258_118_400
_CODE = pattern(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with one field; `field` is its path, as `topics[2].level`."""

    field: str
    en: str
    fr: str

    def sentence(self, language: str) -> str:
        return self.fr if language == "fr" else self.en


def violations(message: Message, path: str = "") -> list[Violation]:
    """Return everything that is wrong with the message; an empty list means that it is well formed."""
    return list(_of_message(message, path))


def _of_message(message: Message, path: str) -> Iterator[Violation]:
    for field in message.DESCRIPTOR.fields:
        rules = field.GetOptions().Extensions[rules_pb2.field]
        here = f"{path}.{field.name}" if path else field.name
        value = getattr(message, field.name)
        if field.is_repeated:
            yield from _of_list(field, rules, value, here)
        elif field.has_presence and not message.HasField(field.name):
            if rules.required:
                yield Violation(here, "is missing", "manque")
        else:
            yield from _of_value(field, rules, value, here)


def _of_list(field: Any, rules: rules_pb2.FieldRules, items: list[object], path: str) -> Iterator[Violation]:
    if rules.min_items and len(items) < rules.min_items:
        yield Violation(path, f"needs at least {rules.min_items}", f"en demande au moins {rules.min_items}")
    if rules.max_items and len(items) > rules.max_items:
        yield Violation(path, f"takes at most {rules.max_items}", f"en accepte au plus {rules.max_items}")
        return
    for number, item in enumerate(items):
        yield from _of_value(field, rules, item, f"{path}[{number}]")


def _of_value(field: Any, rules: rules_pb2.FieldRules, value: object, path: str) -> Iterator[Violation]:
    if isinstance(value, Timestamp):
        if not _LEAST_SECONDS <= value.seconds <= _MOST_SECONDS:
            yield Violation(path, "is not a time of this age", "n'est pas une date de notre époque")
    elif isinstance(value, Message):
        yield from _of_message(value, path)
    elif isinstance(value, str):
        yield from _of_text(rules, value, path)
    elif field.enum_type is not None:
        if value not in field.enum_type.values_by_number:
            yield Violation(path, f"has no meaning {value}", f"n'a pas de sens {value}")
        elif rules.required and value == 0:
            words = ", ".join(v.name.lower() for v in field.enum_type.values if v.number)
            yield Violation(path, f"is missing; choose one of {words}", f"manque ; choisir parmi {words}")
    elif isinstance(value, int):
        if rules.HasField("min") and value < rules.min:
            yield Violation(
                path, f"is {value}, and must be at least {rules.min}", f"vaut {value}, au moins {rules.min} attendu"
            )
        if rules.HasField("max") and value > rules.max:
            yield Violation(
                path, f"is {value}, and must be at most {rules.max}", f"vaut {value}, au plus {rules.max} attendu"
            )


def _of_text(rules: rules_pb2.FieldRules, value: str, path: str) -> Iterator[Violation]:
    if not value.strip():
        if rules.required or rules.uuid or rules.code:
            yield Violation(path, "is missing", "manque")
    elif "\0" in value:
        yield Violation(path, "holds a character that is no text", "contient un caractère qui n'est pas du texte")
    elif rules.uuid and not _is_uuid(value):
        yield Violation(
            path, f"is not an identifier (UUID): {value[:60]!r}", f"n'est pas un identifiant (UUID) : {value[:60]!r}"
        )
    elif rules.code and not _CODE.fullmatch(value):
        yield Violation(
            path,
            f"takes lower-case letters, digits and hyphens, not {value[:60]!r}",
            f"prend des minuscules, des chiffres et des traits d'union, pas {value[:60]!r}",
        )
    elif rules.max_length and len(value) > rules.max_length:
        yield Violation(path, f"is longer than {rules.max_length} characters", f"dépasse {rules.max_length} caractères")


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
