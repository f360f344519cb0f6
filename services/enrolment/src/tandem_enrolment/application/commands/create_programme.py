from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.blueprint import Blueprint
from tandem_enrolment.domain.programme import Programme
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class CreateProgramme:
    """Make a programme from a blueprint."""

    blueprint: Blueprint


async def create_programme(command: CreateProgramme, work: Work, clock: Clock) -> Receipt:
    return work.receipt_for(work.programmes.add(Programme.create(command.blueprint)))
