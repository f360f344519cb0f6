"""Which topic each aggregate's facts go to."""

from tandem.matching.v1 import events_pb2
from tandem_kit.work import Topics
from tandem_matching.domain.pair import Pair
from tandem_matching.domain.proposal import Proposal
from tandem_matching.domain.run import Run

TOPICS = Topics(
    {
        Run: ("tandem.matching.run.v1", events_pb2),
        Proposal: ("tandem.matching.proposal.v1", events_pb2),
        Pair: ("tandem.matching.pair.v1", events_pb2),
    }
)
