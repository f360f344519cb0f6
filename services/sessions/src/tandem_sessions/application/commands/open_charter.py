from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.charter import Charter
from tandem_sessions.domain.types import PairId, PersonId, ProgrammeId, SiteCode


@dataclass(frozen=True, slots=True)
class OpenCharter:
    """A pair was formed: it has to agree on its charter."""

    pair_id: PairId
    programme_id: ProgrammeId
    site: SiteCode
    mentor_id: PersonId
    mentee_id: PersonId


async def open_charter(command: OpenCharter, work: Work, clock: Clock) -> None:
    work.charters.add(
        Charter.open(command.pair_id, command.programme_id, command.site, command.mentor_id, command.mentee_id)
    )
