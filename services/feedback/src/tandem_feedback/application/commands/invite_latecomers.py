from dataclasses import dataclass

from tandem_feedback.application.commands.open_questionnaire import invite
from tandem_feedback.application.ports import Work
from tandem_feedback.domain.questionnaire import QuestionnaireState
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class InviteLatecomers:
    """A session was held: if the questionnaire is open already, whoever came is asked too."""

    programme_id: ProgrammeId


async def invite_latecomers(command: InviteLatecomers, work: Work, clock: Clock) -> None:
    if await work.ended_programmes.find(command.programme_id) is None:
        return
    for questionnaire in await work.questionnaires.where(
        programme_id=command.programme_id, state=QuestionnaireState.OPEN
    ):
        await invite(questionnaire, work)
