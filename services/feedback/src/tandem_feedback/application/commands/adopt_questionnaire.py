from dataclasses import dataclass

from tandem_feedback.application.commands.look_whom_to_ask import LookWhomToAsk, look_whom_to_ask
from tandem_feedback.application.ports import Work
from tandem_feedback.domain.questionnaire import Question, Questionnaire
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class AdoptQuestionnaire:
    """Enrolment has told what the programme asks at its end."""

    programme_id: ProgrammeId
    questions: tuple[Question, ...]


async def adopt_questionnaire(command: AdoptQuestionnaire, work: Work, clock: Clock) -> None:
    work.questionnaires.add(Questionnaire.draft(command.programme_id, command.questions))
    await look_whom_to_ask(LookWhomToAsk(command.programme_id), work, clock)
