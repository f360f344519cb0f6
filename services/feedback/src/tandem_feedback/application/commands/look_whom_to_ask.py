from dataclasses import dataclass

from tandem_feedback.application.commands.open_questionnaire import OpenQuestionnaire
from tandem_feedback.application.ports import Work
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class LookWhomToAsk:
    """The programme ended, its questionnaire came to be known, or a session was held.

    These may come at the same moment, each unseen by the other. A transaction of its own looks once each is written:
    the last of them sees all.
    """

    programme_id: ProgrammeId


async def look_whom_to_ask(command: LookWhomToAsk, work: Work, clock: Clock) -> None:
    await work.timers.set(f"open/{command.programme_id}", clock.now(), OpenQuestionnaire(command.programme_id))
