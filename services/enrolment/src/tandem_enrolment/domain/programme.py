"""A programme: a blueprint that is carried out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import uuid4

from tandem_enrolment.domain.blueprint import Blueprint
from tandem_enrolment.domain.rules import programme_already_opened, programme_not_open
from tandem_enrolment.domain.types import ProgrammeId
from tandem_kit.domain import Aggregate, refuse_unless


class ProgrammeState(StrEnum):
    CREATED = "created"
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ProgrammeCreated:
    programme_id: ProgrammeId
    blueprint: str


@dataclass(frozen=True, slots=True)
class ProgrammeOpened:
    programme_id: ProgrammeId
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class ProgrammeEnded:
    programme_id: ProgrammeId


@dataclass(kw_only=True)
class Programme(Aggregate):
    blueprint: Blueprint
    state: ProgrammeState = ProgrammeState.CREATED

    @classmethod
    def create(cls, blueprint: Blueprint) -> Self:
        blueprint.check()
        programme = cls(id=uuid4(), blueprint=blueprint)
        programme.record(ProgrammeCreated(ProgrammeId(programme.id), blueprint.code))
        return programme

    def open(self, at: datetime) -> None:
        refuse_unless(self.state is ProgrammeState.CREATED, programme_already_opened)
        self.state = ProgrammeState.OPEN
        self.record(ProgrammeOpened(ProgrammeId(self.id), at))

    def end(self) -> None:
        refuse_unless(self.state is ProgrammeState.OPEN, programme_not_open)
        self.state = ProgrammeState.ENDED
        self.record(ProgrammeEnded(ProgrammeId(self.id)))
