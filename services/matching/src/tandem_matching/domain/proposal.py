"""A mentor proposed to a mentee, and what both say to it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import uuid4

from tandem_kit.domain import Aggregate, refuse_unless
from tandem_matching.domain.fit import Explanation
from tandem_matching.domain.matching import Match
from tandem_matching.domain.rules import no_longer_open, not_a_party, not_staged
from tandem_matching.domain.types import (
    DeclineReason,
    PersonId,
    ProgrammeId,
    ProposalId,
    RunId,
    SiteCode,
    WithdrawalReason,
)


class ProposalState(StrEnum):
    STAGED = "staged"
    PUBLISHED = "published"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    PAIRED = "paired"
    REMOVED = "removed"


OPEN_STATES = [ProposalState.STAGED, ProposalState.PUBLISHED, ProposalState.ACCEPTED]
"""In these, a proposal holds a place with its mentor and keeps its mentee from other proposals."""


@dataclass(frozen=True, slots=True)
class ProposalPublished:
    proposal_id: ProposalId
    programme_id: ProgrammeId
    mentor_id: PersonId
    mentee_id: PersonId
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ProposalAcceptedBy:
    proposal_id: ProposalId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class ProposalAccepted:
    proposal_id: ProposalId
    mentor_id: PersonId
    mentee_id: PersonId


@dataclass(frozen=True, slots=True)
class ProposalDeclined:
    proposal_id: ProposalId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class ProposalWithdrawn:
    proposal_id: ProposalId
    reason: WithdrawalReason


@dataclass(kw_only=True)
class Proposal(Aggregate):
    """Its site is the mentee's, and never changes."""

    run_id: RunId
    programme_id: ProgrammeId
    site: SiteCode
    mentor_id: PersonId
    mentee_id: PersonId
    explanation: Explanation
    state: ProposalState = ProposalState.STAGED
    accepted_by: list[PersonId] = field(default_factory=list)
    expires_at: datetime | None = None
    decline_reason: DeclineReason | None = None

    @classmethod
    def of(cls, match: Match, run: RunId, programme: ProgrammeId) -> Self:
        return cls(
            id=uuid4(),
            run_id=run,
            programme_id=programme,
            site=match.site,
            mentor_id=match.mentor_id,
            mentee_id=match.mentee_id,
            explanation=match.explanation,
        )

    def publish(self, expires_at: datetime) -> None:
        """Send the reviewed proposal to both."""
        refuse_unless(self.state is ProposalState.STAGED, not_staged)
        self.state, self.expires_at = ProposalState.PUBLISHED, expires_at
        self.record(
            ProposalPublished(ProposalId(self.id), self.programme_id, self.mentor_id, self.mentee_id, expires_at)
        )

    def remove(self) -> None:
        """Take it out before anybody sees it."""
        refuse_unless(self.state is ProposalState.STAGED, not_staged)
        self.state = ProposalState.REMOVED

    def accept(self, by: PersonId, at: datetime) -> None:
        """Both have to accept, in any order; saying yes twice changes nothing."""
        refuse_unless(by in {self.mentor_id, self.mentee_id}, not_a_party)
        if by in self.accepted_by:
            return
        refuse_unless(self._waits(at), no_longer_open)
        self.accepted_by.append(by)
        self.record(ProposalAcceptedBy(ProposalId(self.id), by))
        if set(self.accepted_by) == {self.mentor_id, self.mentee_id}:
            self.state = ProposalState.ACCEPTED
            self.record(ProposalAccepted(ProposalId(self.id), self.mentor_id, self.mentee_id))

    def decline(self, by: PersonId, reason: DeclineReason, at: datetime) -> None:
        """Either may say no, at no cost."""
        refuse_unless(by in {self.mentor_id, self.mentee_id}, not_a_party)
        refuse_unless(self._waits(at), no_longer_open)
        self.state, self.decline_reason = ProposalState.DECLINED, reason
        self.record(ProposalDeclined(ProposalId(self.id), by))

    def expire(self) -> bool:
        """The time to answer is over; tells whether the proposal still waited."""
        if self.state is not ProposalState.PUBLISHED:
            return False
        self.withdraw(WithdrawalReason.EXPIRED)
        return True

    def withdraw(self, reason: WithdrawalReason) -> None:
        """It can no longer become a pair."""
        if self.state in OPEN_STATES:
            self.state = ProposalState.WITHDRAWN
            self.record(ProposalWithdrawn(ProposalId(self.id), reason))

    def become_pair(self) -> None:
        self.state = ProposalState.PAIRED

    def _waits(self, at: datetime) -> bool:
        return self.state is ProposalState.PUBLISHED and self.expires_at is not None and at < self.expires_at
