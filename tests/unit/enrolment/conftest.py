import pytest

from tandem_enrolment.adapters.events import TOPICS
from tandem_enrolment.adapters.tables import metadata
from tandem_enrolment.adapters.work import EnrolmentWork
from tandem_enrolment.application.commands.discard_import import discard_import
from tandem_enrolment.entrypoints.grpc_server import METHODS
from tandem_kit.testing.house import House


@pytest.fixture
def enrolment() -> House[EnrolmentWork]:
    return House(EnrolmentWork, TOPICS, metadata, METHODS, (discard_import,))
