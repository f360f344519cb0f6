from dataclasses import dataclass
from datetime import timedelta

from tandem_kit.domain import Clock
from tandem_matching.application.commands.propose_pairs import ProposePairs, propose_pairs
from tandem_matching.application.ports import Work
from tandem_matching.domain.run import RunState
from tandem_matching.domain.types import ProgrammeId

QUIET_TIME = timedelta(days=1)
"""Declines and departures come in clusters: one run serves all who lost a mentor within a day of each other."""


@dataclass(frozen=True, slots=True)
class Rematch:
    """Somebody lost a mentor, or a proposal: propose again. The new run is staged, and people review it."""

    programme_id: ProgrammeId


async def rematch(command: Rematch, work: Work, clock: Clock) -> None:
    runs = await work.runs.where(programme_id=command.programme_id, state=RunState.SOLVING)
    if runs:
        await rematch_soon(command.programme_id, work, clock)
    else:
        await propose_pairs(ProposePairs(command.programme_id), work, clock)


async def rematch_soon(programme: ProgrammeId, work: Work, clock: Clock) -> None:
    """Propose again when a day has passed without another loss."""
    await work.timers.set(f"rematch/{programme}", clock.now() + QUIET_TIME, Rematch(programme))
