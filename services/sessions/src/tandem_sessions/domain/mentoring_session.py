"""A session of a pair, or of a group with one to three mentors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import uuid4

from tandem_kit.domain import Aggregate, refuse_unless
from tandem_sessions.domain import rules
from tandem_sessions.domain.agenda import Engagement
from tandem_sessions.domain.charter import Charter
from tandem_sessions.domain.types import (
    CAME,
    AttendanceStatus,
    CancellationReason,
    PairId,
    PersonId,
    ProgrammeId,
    SessionFormat,
    SessionId,
    SessionState,
    SiteCode,
)


@dataclass(frozen=True, slots=True)
class Attendance:
    person_id: PersonId
    status: AttendanceStatus


@dataclass(frozen=True, slots=True)
class SessionScheduled:
    session_id: SessionId
    programme_id: ProgrammeId
    format: SessionFormat
    site: SiteCode
    module: str
    starts_at: datetime
    minutes: int
    mentor_ids: tuple[PersonId, ...]
    seats: int
    pair_id: PairId | None


@dataclass(frozen=True, slots=True)
class SessionRescheduled:
    session_id: SessionId
    starts_at: datetime
    minutes: int


@dataclass(frozen=True, slots=True)
class SessionCancelled:
    session_id: SessionId
    reason: CancellationReason


@dataclass(frozen=True, slots=True)
class SessionHeld:
    session_id: SessionId
    programme_id: ProgrammeId
    format: SessionFormat
    module: str
    site: SiteCode
    mentor_ids: tuple[PersonId, ...]
    attendance: tuple[Attendance, ...]


@dataclass(frozen=True, slots=True)
class RegistrationConfirmed:
    session_id: SessionId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class RegistrationWaitlisted:
    session_id: SessionId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class RegistrationPromoted:
    session_id: SessionId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class RegistrationCancelled:
    session_id: SessionId
    person_id: PersonId


@dataclass(kw_only=True)
class MentoringSession(Aggregate):
    programme_id: ProgrammeId
    format: SessionFormat
    site: SiteCode
    module: str
    starts_at: datetime
    minutes: int
    mentor_ids: list[PersonId]
    seats: int
    pair_id: PairId | None = None
    state: SessionState = SessionState.SCHEDULED
    participant_ids: list[PersonId] = field(default_factory=list)
    waitlist: list[PersonId] = field(default_factory=list)
    attendance: list[Attendance] = field(default_factory=list)

    @classmethod
    def of_pair(cls, charter: Charter, module: str, starts_at: datetime, minutes: int, now: datetime) -> Self:
        """Schedule a one-to-one session."""
        refuse_unless(starts_at > now, rules.in_the_past)
        session = cls(
            id=uuid4(),
            programme_id=charter.programme_id,
            format=SessionFormat.ONE_TO_ONE,
            site=charter.site,
            module=module,
            starts_at=starts_at,
            minutes=minutes,
            mentor_ids=[charter.mentor_id],
            seats=1,
            pair_id=PairId(charter.id),
            participant_ids=[charter.mentee_id],
        )
        session._record_scheduled()
        return session

    @classmethod
    def of_group(
        cls,
        programme: ProgrammeId,
        site: SiteCode,
        module: str,
        starts_at: datetime,
        minutes: int,
        mentors: Sequence[PersonId],
        seats: int,
        now: datetime,
    ) -> Self:
        """Open a collective session to registrations."""
        refuse_unless(starts_at > now, rules.in_the_past)
        session = cls(
            id=uuid4(),
            programme_id=programme,
            format=SessionFormat.COLLECTIVE,
            site=site,
            module=module,
            starts_at=starts_at,
            minutes=minutes,
            mentor_ids=list(mentors),
            seats=seats,
        )
        session._record_scheduled()
        return session

    @property
    def people(self) -> list[PersonId]:
        """Everybody whose time the session takes."""
        return [*self.mentor_ids, *self.participant_ids]

    def engagement_of(self, person: PersonId) -> Engagement:
        """Return what the session is in a person's agenda."""
        follows = person not in self.mentor_ids
        return Engagement(self.id, self.programme_id, self.starts_at, self.minutes, follows)

    def reschedule(self, by: PersonId | None, starts_at: datetime, minutes: int, now: datetime) -> None:
        """Move the session; `by` is None for staff."""
        self._check_party(by)
        refuse_unless(self.starts_at > now, rules.already_begun)
        refuse_unless(starts_at > now, rules.in_the_past)
        self.starts_at, self.minutes = starts_at, minutes
        self.record(SessionRescheduled(SessionId(self.id), starts_at, minutes))

    def cancel(self, by: PersonId | None, reason: CancellationReason, now: datetime | None = None) -> None:
        """Call the session off; `by` is None for staff and for Tandem itself, which may do so after it was to begin."""
        self._check_party(by)
        refuse_unless(by is None or (now is not None and now < self.starts_at), rules.already_begun)
        self.state = SessionState.CANCELLED
        self.record(SessionCancelled(SessionId(self.id), reason))

    def register(self, person: PersonId, now: datetime) -> int:
        """Give the person a seat, or a place on the waitlist; return that place, from 1, or 0 with a seat."""
        self._check_open(now)
        refuse_unless(self.format is SessionFormat.COLLECTIVE, rules.not_collective)
        refuse_unless(person not in self.mentor_ids, rules.leads_the_session)
        refuse_unless(person not in self.participant_ids and person not in self.waitlist, rules.already_registered)
        if len(self.participant_ids) < self.seats:
            self.participant_ids.append(person)
            self.record(RegistrationConfirmed(SessionId(self.id), person))
            return 0
        self.waitlist.append(person)
        self.record(RegistrationWaitlisted(SessionId(self.id), person))
        return len(self.waitlist)

    def unregister(self, person: PersonId, now: datetime) -> None:
        """Give up the seat, or the place on the waitlist."""
        self._check_open(now)
        refuse_unless(self.format is SessionFormat.COLLECTIVE, rules.not_collective)
        refuse_unless(person in self.participant_ids or person in self.waitlist, rules.not_registered)
        (self.participant_ids if person in self.participant_ids else self.waitlist).remove(person)
        self.record(RegistrationCancelled(SessionId(self.id), person))

    @property
    def has_free_seat(self) -> bool:
        return len(self.participant_ids) < self.seats

    def promote(self, person: PersonId) -> None:
        """A seat became free, and goes to somebody who waited."""
        self.waitlist.remove(person)
        self.participant_ids.append(person)
        self.record(RegistrationPromoted(SessionId(self.id), person))

    def lose_mentor(self, mentor: PersonId) -> None:
        """A mentor left; a session without any mentor is called off."""
        self.mentor_ids.remove(mentor)
        if not self.mentor_ids:
            self.cancel(None, CancellationReason.MENTOR_UNAVAILABLE)

    def hold(self, by: PersonId | None, attendance: Sequence[Attendance], now: datetime) -> None:
        """Say of each participant whether they came; the session is then held. `by` is None for staff."""
        refuse_unless(by is None or by in self.mentor_ids, rules.only_its_mentors)
        refuse_unless(self.state is SessionState.SCHEDULED, rules.not_scheduled)
        refuse_unless(now >= self.starts_at, rules.not_begun)
        named = sorted(line.person_id for line in attendance)
        refuse_unless(named == sorted(self.participant_ids), rules.attendance_of_all, count=len(self.participant_ids))
        self.state = SessionState.HELD
        self.attendance = list(attendance)
        self.waitlist.clear()
        self.record(
            SessionHeld(
                SessionId(self.id),
                self.programme_id,
                self.format,
                self.module,
                self.site,
                tuple(self.mentor_ids),
                tuple(attendance),
            )
        )

    @property
    def absent(self) -> list[PersonId]:
        """Participants of a held session who did not come: it does not count for them."""
        return [line.person_id for line in self.attendance if line.status not in CAME]

    def _check_party(self, by: PersonId | None) -> None:
        allowed = self.people if self.format is SessionFormat.ONE_TO_ONE else self.mentor_ids
        refuse_unless(by is None or by in allowed, rules.not_your_session)
        refuse_unless(self.state is SessionState.SCHEDULED, rules.not_scheduled)

    def _check_open(self, now: datetime) -> None:
        refuse_unless(self.state is SessionState.SCHEDULED, rules.not_scheduled)
        refuse_unless(now < self.starts_at, rules.already_begun)

    def _record_scheduled(self) -> None:
        self.record(
            SessionScheduled(
                SessionId(self.id),
                self.programme_id,
                self.format,
                self.site,
                self.module,
                self.starts_at,
                self.minutes,
                tuple(self.mentor_ids),
                self.seats,
                self.pair_id,
            )
        )
