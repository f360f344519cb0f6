"""A person's sessions: nobody is in two places at once, and nobody follows too many."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from tandem_kit.domain import refuse_unless
from tandem_sessions.domain.rules import double_booking, too_many_sessions


@dataclass(frozen=True, slots=True)
class Engagement:
    session_id: UUID
    programme_id: UUID
    starts_at: datetime
    minutes: int
    follows: bool
    """Takes part, rather than leads: such sessions count towards the most that a person may follow."""

    def overlaps(self, other: "Engagement") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


@dataclass(kw_only=True)
class Agenda:
    """Its id is the person's. Whoever books a person locks their agenda first."""

    id: UUID
    engagements: list[Engagement] = field(default_factory=list)

    def book(self, new: Engagement, most: int) -> None:
        """Take a session in, or replace its time, unless it clashes or is one too many."""
        refuse_unless(not self._clashes(new), double_booking)
        refuse_unless(not new.follows or self._followed(new) < most, too_many_sessions, most=most)
        self.free(new.session_id)
        self.engagements.append(new)

    def could_book(self, new: Engagement, most: int) -> bool:
        """Tell whether `book` would accept."""
        return not self._clashes(new) and (not new.follows or self._followed(new) < most)

    def free(self, session: UUID) -> None:
        """Take a session out, where it is in."""
        self.engagements = [e for e in self.engagements if e.session_id != session]

    def _clashes(self, new: Engagement) -> bool:
        return any(e.overlaps(new) for e in self.engagements if e.session_id != new.session_id)

    def _followed(self, new: Engagement) -> int:
        return sum(
            e.follows and e.programme_id == new.programme_id and e.session_id != new.session_id
            for e in self.engagements
        )
