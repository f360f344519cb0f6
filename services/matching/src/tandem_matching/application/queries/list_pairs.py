from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_matching.application.ports import Work
from tandem_matching.domain.pair import Pair
from tandem_matching.domain.types import PairId, ProgrammeId


@dataclass(frozen=True, slots=True)
class ListPairs:
    """Pairs of a programme by id, from the one after `after`."""

    programme_id: ProgrammeId
    after: PairId | None
    limit: int


@dataclass(frozen=True, slots=True)
class Pairs:
    pairs: tuple[Pair, ...]


async def list_pairs(query: ListPairs, work: Work, clock: Clock) -> Pairs:
    pairs = await work.pairs.where(programme_id=query.programme_id)
    rest = [pair for pair in pairs if query.after is None or pair.id > query.after]
    return Pairs(tuple(rest[: query.limit]))
