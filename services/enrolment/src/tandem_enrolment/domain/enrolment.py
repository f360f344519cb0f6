"""A person's part in a programme."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import uuid4

from tandem_enrolment.domain import rules
from tandem_enrolment.domain.blueprint import Blueprint
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.types import (
    Availability,
    EnrolmentId,
    PersonId,
    ProgrammeId,
    Role,
    SiteCode,
    Topic,
    TrainingPart,
)
from tandem_kit.domain import Aggregate, Rule, refuse_unless


@dataclass(frozen=True, slots=True)
class MentorEnrolled:
    enrolment_id: EnrolmentId
    programme_id: ProgrammeId
    person_id: PersonId
    site: SiteCode
    topics: tuple[Topic, ...]
    capacity: int
    languages: tuple[str, ...]
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class MenteeEnrolled:
    enrolment_id: EnrolmentId
    programme_id: ProgrammeId
    person_id: PersonId
    site: SiteCode
    topics: tuple[Topic, ...]
    languages: tuple[str, ...]
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class TrainingPartCompleted:
    enrolment_id: EnrolmentId
    part: TrainingPart


@dataclass(frozen=True, slots=True)
class MentorCertified:
    enrolment_id: EnrolmentId
    programme_id: ProgrammeId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class MenteeBriefed:
    enrolment_id: EnrolmentId
    programme_id: ProgrammeId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class EnrolmentWithdrawn:
    enrolment_id: EnrolmentId
    programme_id: ProgrammeId
    person_id: PersonId


@dataclass(kw_only=True)
class Enrolment(Aggregate):
    """Names its site once and for all: a person who moves gets a new enrolment there."""

    programme_id: ProgrammeId
    person_id: PersonId
    role: Role
    site: SiteCode
    topics: list[Topic]
    capacity: int
    languages: list[str]
    availability: list[Availability]
    enrolled_at: datetime
    training: list[TrainingPart] = field(default_factory=list)
    certified: bool = False
    briefed: bool = False
    withdrawn: bool = False

    @classmethod
    def of_mentor(
        cls,
        programme: ProgrammeId,
        blueprint: Blueprint,
        person: Person,
        topics: Sequence[Topic],
        capacity: int,
        languages: Sequence[str],
        availability: Sequence[Availability],
        at: datetime,
    ) -> Self:
        """Enrol a volunteer as mentor."""
        refuse_unless(person.active, rules.person_has_left)
        wanted = blueprint.mentors
        refuse_unless(
            not wanted.career_stages or person.career_stage in wanted.career_stages,
            rules.career_stage_not_eligible,
            stages=", ".join(wanted.career_stages),
        )
        refuse_unless(capacity <= wanted.capacity_max, rules.capacity_too_large, most=wanted.capacity_max)
        enrolment = cls(
            id=uuid4(),
            programme_id=programme,
            person_id=PersonId(person.id),
            role=Role.MENTOR,
            site=person.workplace,
            topics=list(topics),
            capacity=capacity,
            languages=list(languages),
            availability=list(availability),
            enrolled_at=at,
        )
        enrolment._record_enrolled()
        return enrolment

    @classmethod
    def of_mentee(
        cls,
        programme: ProgrammeId,
        blueprint: Blueprint,
        person: Person,
        topics: Sequence[Topic],
        languages: Sequence[str],
        availability: Sequence[Availability],
        at: datetime,
    ) -> Self:
        """Enrol a volunteer as mentee."""
        refuse_unless(person.active, rules.person_has_left)
        bands = blueprint.mentees.grade_bands
        refuse_unless(not bands or person.grade_band in bands, rules.grade_band_not_eligible, bands=", ".join(bands))
        enrolment = cls(
            id=uuid4(),
            programme_id=programme,
            person_id=PersonId(person.id),
            role=Role.MENTEE,
            site=person.workplace,
            topics=list(topics),
            capacity=1,
            languages=list(languages),
            availability=list(availability),
            enrolled_at=at,
        )
        enrolment._record_enrolled()
        if not blueprint.mentees.briefing:
            enrolment.brief()
        return enrolment

    def train(self, part: TrainingPart) -> None:
        """A trainer saw the mentor through one part; recording it twice changes nothing."""
        refuse_unless(self.role is Role.MENTOR, rules.only_mentors_are_trained)
        refuse_unless(not self.withdrawn, rules.enrolment_withdrawn)
        if part not in self.training:
            self.training.append(part)
            self.record(TrainingPartCompleted(EnrolmentId(self.id), part))

    def certify(self, blueprint: Blueprint) -> None:
        """A trainer declares the mentor ready, once content and posture are done."""
        refuse_unless(self.role is Role.MENTOR, rules.only_mentors_are_trained)
        refuse_unless(not self.withdrawn, rules.enrolment_withdrawn)
        missing = [part for part in blueprint.mentors.training if part not in self.training]
        refuse_unless(not missing, rules.training_incomplete, missing=", ".join(missing))
        if not self.certified:
            self.certified = True
            self.record(MentorCertified(EnrolmentId(self.id), self.programme_id, self.person_id))

    def brief(self) -> None:
        """The mentee was told what is expected of them; being briefed twice changes nothing."""
        refuse_unless(self.role is Role.MENTEE, rules.only_mentees_are_briefed)
        refuse_unless(not self.withdrawn, rules.enrolment_withdrawn)
        if not self.briefed:
            self.briefed = True
            self.record(MenteeBriefed(EnrolmentId(self.id), self.programme_id, self.person_id))

    def withdraw(self) -> None:
        """Leave the programme, at no cost and at any time; leaving twice changes nothing."""
        if not self.withdrawn:
            self.withdrawn = True
            self.record(EnrolmentWithdrawn(EnrolmentId(self.id), self.programme_id, self.person_id))

    def reopened_at(self, site: SiteCode, at: datetime) -> "Enrolment":
        """Return a new enrolment of the same person at another site, with what they have achieved."""
        moved = Enrolment(
            id=uuid4(),
            programme_id=self.programme_id,
            person_id=self.person_id,
            role=self.role,
            site=site,
            topics=list(self.topics),
            capacity=self.capacity,
            languages=list(self.languages),
            availability=list(self.availability),
            enrolled_at=at,
        )
        moved._record_enrolled()
        for part in self.training:
            moved.train(part)
        if self.certified:
            moved.certified = True
            moved.record(MentorCertified(EnrolmentId(moved.id), moved.programme_id, moved.person_id))
        if self.briefed:
            moved.brief()
        return moved

    def what_forbids_pairing(self) -> Rule | None:
        """Return the rule that keeps this person from being paired, where one does."""
        if self.withdrawn:
            return rules.enrolment_withdrawn
        if self.role is Role.MENTOR and not self.certified:
            return rules.not_certified
        if self.role is Role.MENTEE and not self.briefed:
            return rules.not_briefed
        return None

    def _record_enrolled(self) -> None:
        key = EnrolmentId(self.id)
        topics, languages = tuple(self.topics), tuple(self.languages)
        self.record(
            MentorEnrolled(
                key, self.programme_id, self.person_id, self.site, topics, self.capacity, languages, self.enrolled_at
            )
            if self.role is Role.MENTOR
            else MenteeEnrolled(key, self.programme_id, self.person_id, self.site, topics, languages, self.enrolled_at)
        )
