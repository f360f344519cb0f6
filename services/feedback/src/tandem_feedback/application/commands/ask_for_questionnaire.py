from dataclasses import dataclass

from tandem_feedback.application.errands.fetch_questionnaire import FetchQuestionnaire
from tandem_feedback.application.ports import Work
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class AskForQuestionnaire:
    """There is a new programme: ask enrolment for its blueprint, now."""

    programme_id: ProgrammeId


async def ask_for_questionnaire(command: AskForQuestionnaire, work: Work, clock: Clock) -> None:
    fetch = FetchQuestionnaire(command.programme_id)
    await work.timers.set(f"questionnaire/{command.programme_id}", clock.now(), fetch)
