"""A mentor and a mentee who work together."""

from dataclasses import dataclass
from typing import Self

from tandem_kit.domain import Aggregate, refuse_unless
from tandem_matching.domain.proposal import Proposal
from tandem_matching.domain.rules import not_your_pair, pair_dissolved
from tandem_matching.domain.types import DissolutionReason, PairId, PersonId, ProgrammeId, SiteCode


@dataclass(frozen=True, slots=True)
class PairFormed:
    pair_id: PairId
    programme_id: ProgrammeId
    mentor_id: PersonId
    mentee_id: PersonId


@dataclass(frozen=True, slots=True)
class PairDissolved:
    pair_id: PairId
    programme_id: ProgrammeId
    mentor_id: PersonId
    mentee_id: PersonId
    reason: DissolutionReason


@dataclass(kw_only=True)
class Pair(Aggregate):
    """Has the id of the proposal that it came from, so no proposal can become two pairs."""

    programme_id: ProgrammeId
    site: SiteCode
    mentor_id: PersonId
    mentee_id: PersonId
    dissolved: bool = False

    @classmethod
    def form(cls, proposal: Proposal) -> Self:
        pair = cls(
            id=proposal.id,
            programme_id=proposal.programme_id,
            site=proposal.site,
            mentor_id=proposal.mentor_id,
            mentee_id=proposal.mentee_id,
        )
        pair.record(PairFormed(PairId(pair.id), pair.programme_id, pair.mentor_id, pair.mentee_id))
        return pair

    def dissolve(self, by: PersonId | None, reason: DissolutionReason) -> None:
        """End the pair without fault; `by` is None when HR does it for them."""
        refuse_unless(by in {None, self.mentor_id, self.mentee_id}, not_your_pair)
        refuse_unless(not self.dissolved, pair_dissolved)
        self.dissolved = True
        self.record(PairDissolved(PairId(self.id), self.programme_id, self.mentor_id, self.mentee_id, reason))
