from collections import Counter
from dataclasses import dataclass, replace
from uuid import uuid4

from tandem_feedback.application.ports import Work
from tandem_feedback.domain.questionnaire import UNNAMED_SITE
from tandem_feedback.domain.rules import MINIMUM_ANSWERS
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
    # A site with few answers would name their authors, so its name goes.
    responses = await work.responses.where(questionnaire_id=questionnaire.id)
    answers = Counter(response.site for response in responses)
    for response in responses:
        site = response.site if answers[response.site] >= MINIMUM_ANSWERS else UNNAMED_SITE
        work.responses.remove(response.id)
        work.responses.add(replace(response, id=uuid4(), site=site))
    return work.receipt_for(questionnaire)
