from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.types import PairId, PersonId


@dataclass(frozen=True, slots=True)
class ProposeObjectives:
    """One of the pair writes its objectives."""

    pair_id: PairId
    by: PersonId
    objectives: tuple[str, ...]


async def propose_objectives(command: ProposeObjectives, work: Work, clock: Clock) -> Receipt:
    charter = await work.charters.get(command.pair_id)
    charter.propose(command.by, command.objectives, await work.curricula.consult(charter.programme_id))
    return work.receipt_for(charter)
