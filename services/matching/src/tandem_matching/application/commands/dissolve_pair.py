from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_matching.application.commands.rematch import rematch_soon
from tandem_matching.application.ports import Work
from tandem_matching.domain.types import DissolutionReason, PairId, PersonId


@dataclass(frozen=True, slots=True)
class DissolvePair:
    """End a pair without fault; `by` is None when HR does it for them."""

    pair_id: PairId
    reason: DissolutionReason
    by: PersonId | None


async def dissolve_pair(command: DissolvePair, work: Work, clock: Clock) -> Receipt:
    pair = await work.pairs.get(command.pair_id)
    pair.dissolve(command.by, command.reason)
    await rematch_soon(pair.programme_id, work, clock)
    return work.receipt_for(pair)
