from dataclasses import dataclass

from tandem_kit.domain import Clock, NotFound
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.charter import Charter
from tandem_sessions.domain.types import PairId, PersonId


@dataclass(frozen=True, slots=True)
class GetCharter:
    """The charter of the caller's pair; nobody else reads it."""

    pair_id: PairId
    by: PersonId


@dataclass(frozen=True, slots=True)
class FoundCharter:
    charter: Charter


async def get_charter(query: GetCharter, work: Work, clock: Clock) -> FoundCharter:
    charter = await work.charters.get(query.pair_id)
    if query.by not in {charter.mentor_id, charter.mentee_id}:
        raise NotFound("Charter", query.pair_id)
    return FoundCharter(charter)
