from dataclasses import dataclass, replace
from uuid import uuid4

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
    # Written anew, in one transaction and under other ids: nothing that a row was written beside leads to it any more.
    for response in await work.responses.where(questionnaire_id=questionnaire.id):
        work.responses.remove(response.id)
        work.responses.add(replace(response, id=uuid4()))
    return work.receipt_for(questionnaire)
