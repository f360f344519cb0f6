from dataclasses import dataclass

from tandem_feedback.application.ports import Work
from tandem_feedback.domain.questionnaire import Question, QuestionnaireState
from tandem_feedback.domain.types import PersonId, ProgrammeId, QuestionnaireId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class ListMyQuestionnaires:
    """The open questionnaires that the caller was asked to answer."""

    by: PersonId


@dataclass(frozen=True, slots=True)
class AskedQuestionnaire:
    id: QuestionnaireId
    programme_id: ProgrammeId
    questions: tuple[Question, ...]
    claimed: bool
    """Whether a token was given out; whether it answered, nobody can tell."""


@dataclass(frozen=True, slots=True)
class Questionnaires:
    questionnaires: tuple[AskedQuestionnaire, ...]


async def list_my_questionnaires(query: ListMyQuestionnaires, work: Work, clock: Clock) -> Questionnaires:
    invitations = {i.questionnaire_id: i for i in await work.invitations.where(person_id=query.by)}
    found = await work.questionnaires.find_many(invitations)
    return Questionnaires(
        tuple(
            AskedQuestionnaire(
                QuestionnaireId(q.id),
                q.programme_id,
                tuple(q.questions),
                invitations[QuestionnaireId(q.id)].claim_digest is not None,
            )
            for q in found.values()
            if q.state is QuestionnaireState.OPEN
        )
    )
