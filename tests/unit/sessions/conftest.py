import pytest

from tandem_kit.testing.house import House
from tandem_sessions.adapters.events import TOPICS
from tandem_sessions.adapters.tables import metadata
from tandem_sessions.adapters.work import SessionsWork
from tandem_sessions.application.commands.end_pair import end_pair
from tandem_sessions.application.commands.open_charter import open_charter
from tandem_sessions.application.commands.release_mentor import release_mentor
from tandem_sessions.application.commands.release_participant import release_participant
from tandem_sessions.entrypoints.grpc_server import METHODS


@pytest.fixture
def sessions() -> House[SessionsWork]:
    handlers = (end_pair, open_charter, release_mentor, release_participant)
    return House(SessionsWork, TOPICS, metadata, METHODS, handlers)
