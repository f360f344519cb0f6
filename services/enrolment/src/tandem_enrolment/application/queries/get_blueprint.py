from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.blueprint import Blueprint
from tandem_enrolment.domain.types import ProgrammeId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class GetBlueprint:
    """The blueprint that a programme follows."""

    programme_id: ProgrammeId


@dataclass(frozen=True, slots=True)
class FollowedBlueprint:
    programme_id: ProgrammeId
    blueprint: Blueprint


async def get_blueprint(query: GetBlueprint, work: Work, clock: Clock) -> FollowedBlueprint:
    programme = await work.programmes.get(query.programme_id)
    return FollowedBlueprint(query.programme_id, programme.blueprint)
