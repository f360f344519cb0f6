"""Matching's transaction."""

from typing import Any

from tandem_kit.work import Work
from tandem_matching.domain.candidate import Candidate, Position
from tandem_matching.domain.pair import Pair
from tandem_matching.domain.proposal import Proposal
from tandem_matching.domain.run import Run


class MatchingWork(Work):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.candidates = self.repository(Candidate, "candidates")
        self.positions = self.repository(Position, "positions")
        self.runs = self.repository(Run, "runs")
        self.proposals = self.repository(Proposal, "proposals")
        self.pairs = self.repository(Pair, "pairs")
