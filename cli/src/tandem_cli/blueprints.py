"""Reads a blueprint: a YAML file of exactly the contract's shape.

Mistakes are told with file, line, and what was expected.
"""

from pathlib import Path
from typing import Any

import yaml
from google.protobuf.message import Message

from tandem.enrolment.v1.blueprint_pb2 import Blueprint
from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_kit.validation import violations

_SCALARS = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:bool": bool,
}


class BadBlueprint(Trouble):
    """One mistake a line."""


def read_blueprint(file: Path) -> Blueprint:
    """Return the blueprint, or raise `BadBlueprint`."""
    try:
        root = yaml.compose(file.read_text(), Loader=yaml.SafeLoader)
    except FileNotFoundError as error:
        raise BadBlueprint(said(f"{file}: there is no such file", f"{file} : ce fichier n'existe pas")) from error
    except UnicodeDecodeError as error:
        raise BadBlueprint(
            said(f"{file}: this is not text in UTF-8", f"{file} : ce n'est pas du texte en UTF-8")
        ) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadBlueprint(_at(file, line, str(error.problem))) from error
    reader = _Reader()
    blueprint = Blueprint()
    reader.fill(blueprint, root, "")
    mistakes = [*reader.mistakes]
    if not mistakes:
        mistakes = [(reader.line_of(v.field), f"{v.field} {said(v.en, v.fr)}") for v in violations(blueprint)]
    if mistakes:
        raise BadBlueprint("\n".join(_at(file, line, text) for line, text in sorted(mistakes)))
    return blueprint


def _at(file: Path, line: int, text: str) -> str:
    return said(f"{file}, line {line}: {text}", f"{file}, ligne {line} : {text}")


class _Reader:
    def __init__(self) -> None:
        self.mistakes: list[tuple[int, str]] = []
        self._lines: dict[str, int] = {}

    def line_of(self, path: str) -> int:
        """Return the line of a field, or of what should have held it."""
        while path and path not in self._lines:
            path = path.rpartition(".")[0]
        return self._lines.get(path, 1)

    def fill(self, message: Message, node: yaml.Node | None, path: str) -> None:
        if not isinstance(node, yaml.MappingNode):
            self._mistake(
                node,
                said(
                    f"{path or 'a blueprint'} holds named fields: ",
                    f"{path or 'un modèle'} contient des champs nommés : ",
                )
                + _names(message),
            )
            return
        self._lines[path] = node.start_mark.line + 1
        for key, value in node.value:
            field = message.DESCRIPTOR.fields_by_name.get(key.value)
            if field is None:
                self._mistake(
                    key,
                    said(
                        f"{key.value} is not known here; expected one of ", f"{key.value} est inconnu ici ; attendu : "
                    )
                    + _names(message),
                )
                continue
            here = f"{path}.{field.name}" if path else field.name
            self._lines[here] = key.start_mark.line + 1
            if not field.is_repeated:
                self._set(message, field, value, here)
            elif not isinstance(value, yaml.SequenceNode):
                self._mistake(value, said(f"{here} is a list", f"{here} est une liste"))
            else:
                for number, item in enumerate(value.value):
                    self._lines[f"{here}[{number}]"] = item.start_mark.line + 1
                    self._set(message, field, item, f"{here}[{number}]")

    def _set(self, message: Message, field: Any, node: yaml.Node, path: str) -> None:
        target = getattr(message, field.name)
        if field.message_type is not None:
            child = target.add() if field.is_repeated else target
            child.SetInParent()
            self.fill(child, node, path)
            return
        value = self._value(field, node, path)
        if value is None:
            return
        if field.is_repeated:
            target.append(value)
        else:
            setattr(message, field.name, value)

    def _value(self, field: Any, node: yaml.Node, path: str) -> Any:
        if field.enum_type is not None:
            prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
            words = {v.name.removeprefix(prefix).lower(): v.number for v in field.enum_type.values[1:]}
            if isinstance(node, yaml.ScalarNode) and node.value in words:
                return words[node.value]
            return self._mistake(node, said(f"{path} is one of ", f"{path} est l'un de ") + ", ".join(words))
        wanted = {field.TYPE_STRING: str, field.TYPE_BOOL: bool}.get(field.type, int)
        if not isinstance(node, yaml.ScalarNode) or _SCALARS.get(node.tag) is not wanted:
            names = {
                str: said("text", "du texte"),
                bool: said("true or false", "true ou false"),
                int: said("a whole number", "un nombre entier"),
            }
            return self._mistake(node, f"{path} {said('is', 'est')} {names[wanted]}")
        value = yaml.SafeLoader("").construct_object(node)
        if wanted is int and not 0 <= value < 2**31:
            return self._mistake(
                node,
                said(
                    f"{path} is a whole number, not below zero", f"{path} est un nombre entier, pas en dessous de zéro"
                ),
            )
        return value

    def _mistake(self, node: yaml.Node | None, text: str) -> None:
        self.mistakes.append((node.start_mark.line + 1 if node else 1, text))


def _names(message: Message) -> str:
    return ", ".join(field.name for field in message.DESCRIPTOR.fields)
