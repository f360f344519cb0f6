from dataclasses import dataclass

from tandem_kit.domain import Clock, Receipt
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.types import PairId, PersonId


@dataclass(frozen=True, slots=True)
class SignCharter:
    """One of the pair agrees to the objectives and the programme's rules."""

    pair_id: PairId
    by: PersonId


async def sign_charter(command: SignCharter, work: Work, clock: Clock) -> Receipt:
    charter = await work.charters.get(command.pair_id)
    charter.sign(command.by)
    return work.receipt_for(charter)
