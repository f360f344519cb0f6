"""What a pair agrees on before its first session: objectives, and the rules of the programme."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from tandem_kit.domain import Aggregate, refuse_unless
from tandem_sessions.domain import rules
from tandem_sessions.domain.programme import Curriculum
from tandem_sessions.domain.types import PairId, PersonId, ProgrammeId, SiteCode


@dataclass(frozen=True, slots=True)
class CharterOpened:
    pair_id: PairId
    programme_id: ProgrammeId


@dataclass(frozen=True, slots=True)
class CharterSigned:
    pair_id: PairId
    objectives: int


@dataclass(frozen=True, slots=True)
class CharterClosed:
    pair_id: PairId


@dataclass(kw_only=True)
class Charter(Aggregate):
    """Has the id of its pair."""

    programme_id: ProgrammeId
    site: SiteCode
    mentor_id: PersonId
    mentee_id: PersonId
    objectives: list[str] = field(default_factory=list)
    signed_by: list[PersonId] = field(default_factory=list)
    closed: bool = False

    @classmethod
    def open(cls, pair: PairId, programme: ProgrammeId, site: SiteCode, mentor: PersonId, mentee: PersonId) -> Self:
        charter = cls(id=pair, programme_id=programme, site=site, mentor_id=mentor, mentee_id=mentee)
        charter.record(CharterOpened(pair, programme))
        return charter

    @property
    def signed(self) -> bool:
        return set(self.signed_by) == {self.mentor_id, self.mentee_id}

    def propose(self, by: PersonId, objectives: Sequence[str], curriculum: Curriculum) -> None:
        """Write the objectives; what was signed before no longer counts."""
        self._check(by)
        curriculum.check_objectives(len(objectives))
        self.objectives = list(objectives)
        self.signed_by.clear()

    def sign(self, by: PersonId) -> None:
        """Agree; signing twice changes nothing."""
        self._check(by)
        refuse_unless(self.objectives, rules.no_objectives)
        if by not in self.signed_by:
            self.signed_by.append(by)
            if self.signed:
                self.record(CharterSigned(PairId(self.id), len(self.objectives)))

    def close(self) -> None:
        """The pair ended; closing twice changes nothing."""
        if not self.closed:
            self.closed = True
            self.record(CharterClosed(PairId(self.id)))

    def check_session(self, by: PersonId) -> None:
        """Refuse a session of this pair that the charter does not allow yet, or any more."""
        self._check(by)
        refuse_unless(self.signed, rules.charter_not_signed)

    def _check(self, by: PersonId) -> None:
        refuse_unless(by in {self.mentor_id, self.mentee_id}, rules.not_of_the_pair)
        refuse_unless(not self.closed, rules.charter_closed)
