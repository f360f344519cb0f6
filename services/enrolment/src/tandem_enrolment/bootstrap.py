"""Builds enrolment; the only place that does."""

from tandem.enrolment.v1 import service_pb2
from tandem_enrolment.adapters.events import TOPICS
from tandem_enrolment.adapters.tables import metadata
from tandem_enrolment.adapters.work import EnrolmentWork
from tandem_enrolment.application.commands.discard_import import discard_import
from tandem_enrolment.entrypoints.grpc_server import METHODS
from tandem_enrolment.settings import Settings
from tandem_kit.handlers import UseCases
from tandem_kit.service import Parts, Service

NAME = "enrolment"


def build(settings: Settings) -> Service:
    parts = Parts.of(NAME, settings, EnrolmentWork, TOPICS, metadata)
    return parts.service(service_pb2, METHODS, UseCases(discard_import))
