from dataclasses import dataclass

from tandem_feedback.application.ports import Work
from tandem_feedback.domain.types import QuestionnaireId
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class CloseQuestionnaire:
    """Take no more answers."""

    questionnaire_id: QuestionnaireId


async def close_questionnaire(command: CloseQuestionnaire, work: Work, clock: Clock) -> Receipt:
    questionnaire = await work.questionnaires.get(command.questionnaire_id)
    questionnaire.close()
    return work.receipt_for(questionnaire)
