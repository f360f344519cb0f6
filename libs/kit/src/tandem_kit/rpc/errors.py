"""One table from what can go wrong to a gRPC status, in a person's words and language."""

import re
from collections.abc import Sequence

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage
from grpc_status import rpc_status

from tandem_kit.domain import Malformed, NotFound, RuleBroken
from tandem_kit.postgres import is_transient
from tandem_kit.validation import Violation
from tandem_kit.work import AlreadyExists

_DOMAIN = "tandem"
# The glossary's words for what may not be there.
_FRENCH = {
    "Charter": "charte",
    "Curriculum": "parcours",
    "Enrolment": "inscription",
    "HrisImport": "import SIRH",
    "Invitation": "invitation",
    "MentoringSession": "séance",
    "Pair": "binôme",
    "ParkedEvent": "événement mis de côté",
    "Person": "personne",
    "Programme": "programme",
    "Proposal": "proposition",
    "Questionnaire": "questionnaire",
    "Run": "appariement",
    "Site": "site",
    "Topic": "topic",
}


class Refused(Exception):  # noqa: N818
    """A call that the kit itself refuses, before any use case runs."""

    def __init__(self, code: int, name: str, en: str, fr: str) -> None:
        super().__init__(name)
        self.code = code
        self.name = name
        self.sentences = {"en": en, "fr": fr}


class Invalid(Exception):  # noqa: N818
    """A request that is not well formed."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__(", ".join(v.field for v in violations))
        self.violations = violations


def unauthenticated(en: str, fr: str) -> Refused:
    return Refused(code_pb2.UNAUTHENTICATED, "unauthenticated", en, fr)


def denied() -> Refused:
    return Refused(
        code_pb2.PERMISSION_DENIED,
        "permission_denied",
        "Your roles do not allow this.",
        "Vos rôles ne le permettent pas.",
    )


def status_of(error: Exception, language: str) -> grpc.Status | None:  # noqa: PLR0911 - one table
    """Return the status of an error, or None for one that nobody expected."""
    match error:
        case Invalid():
            fields = [
                BadRequest.FieldViolation(field=v.field, description=v.sentence(language), reason="INVALID_FIELD")
                for v in error.violations
            ]
            sentence = "; ".join(f"{v.field} {v.sentence(language)}" for v in error.violations)
            return _status(
                code_pb2.INVALID_ARGUMENT, "invalid_request", sentence, language, BadRequest(field_violations=fields)
            )
        case Malformed():
            wrong = [Violation(path, p.sentence("en"), p.sentence("fr")) for path, p in error.problems]
            return status_of(Invalid(wrong), language)
        case RuleBroken():
            return _status(code_pb2.FAILED_PRECONDITION, error.rule.name, error.sentence(language), language)
        case NotFound():
            english = re.sub(r"(?<!^)([A-Z])", r" \1", error.kind).lower()
            sentence = (
                f"Introuvable : {_FRENCH.get(error.kind, english)} {error.key}"
                if language == "fr"
                else f"Not found: {english} {error.key}"
            )
            return _status(code_pb2.NOT_FOUND, "not_found", sentence, language)
        case Refused():
            return _status(error.code, error.name, error.sentences.get(language, error.sentences["en"]), language)
        case AlreadyExists():
            sentence = "Cela existe déjà." if language == "fr" else "This exists already."
            return _status(code_pb2.ALREADY_EXISTS, "already_exists", sentence, language)
        case _ if is_transient(error):
            sentence = (
                "Indisponible pour le moment ; réessayez."
                if language == "fr"
                else "Not available for the moment; try again."
            )
            return _status(code_pb2.UNAVAILABLE, "unavailable", sentence, language)
        case _:
            return None


def internal(language: str) -> grpc.Status:
    """Return the status of an error that nobody expected; the log has the rest."""
    sentence = "Something went wrong on our side." if language == "en" else "Une erreur est survenue de notre côté."
    return _status(code_pb2.INTERNAL, "internal", sentence, language)


def _status(code: int, name: str, sentence: str, language: str, *more: BadRequest) -> grpc.Status:
    details = []
    for detail in (ErrorInfo(reason=name, domain=_DOMAIN), LocalizedMessage(locale=language, message=sentence), *more):
        packed = Any()
        packed.Pack(detail)
        details.append(packed)
    status: grpc.Status = rpc_status.to_status(status_pb2.Status(code=code, message=sentence, details=details))
    return status
