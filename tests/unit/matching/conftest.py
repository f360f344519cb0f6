import pytest

from tandem_kit.testing.house import House
from tandem_matching.adapters.events import TOPICS
from tandem_matching.adapters.tables import metadata
from tandem_matching.adapters.work import MatchingWork
from tandem_matching.application.commands.expire_proposal import expire_proposal
from tandem_matching.application.commands.form_pair import form_pair
from tandem_matching.application.commands.release_candidate import release_candidate
from tandem_matching.application.commands.rematch import rematch
from tandem_matching.application.commands.stage_run import stage_run
from tandem_matching.entrypoints.grpc_server import METHODS


@pytest.fixture
def matching() -> House[MatchingWork]:
    handlers = (expire_proposal, form_pair, release_candidate, rematch, stage_run)
    return House(MatchingWork, TOPICS, metadata, METHODS, handlers)
