from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_sessions.application.booking import free
from tandem_sessions.application.ports import Work
from tandem_sessions.domain.types import CancellationReason, PairId, SessionState


@dataclass(frozen=True, slots=True)
class EndPair:
    """A pair was dissolved: its charter closes, and its sessions to come are called off."""

    pair_id: PairId


async def end_pair(command: EndPair, work: Work, clock: Clock) -> None:
    charter = await work.charters.find(command.pair_id)
    # None where its pair was formed before this service could hear of it.
    if charter is not None:
        charter.close()
    for session in await work.sessions.where(pair_id=command.pair_id, state=SessionState.SCHEDULED):
        if session.starts_at > clock.now():
            session.cancel(None, CancellationReason.PAIR_DISSOLVED)
            await free(session.people, session, work)
