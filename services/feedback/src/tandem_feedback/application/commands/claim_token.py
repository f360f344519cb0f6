from dataclasses import dataclass

from tandem_feedback.application.ports import Work
from tandem_feedback.domain import tokens
from tandem_feedback.domain.questionnaire import QuestionnaireState
from tandem_feedback.domain.rules import not_invited, not_open
from tandem_feedback.domain.types import PersonId, QuestionnaireId
from tandem_kit.domain import Clock, refuse_unless


@dataclass(frozen=True, slots=True)
class ClaimToken:
    """Exchange one's invitation for a token that names nobody."""

    questionnaire_id: QuestionnaireId
    by: PersonId
    claim: str


@dataclass(frozen=True, slots=True)
class ClaimedToken:
    token: str


async def claim_token(command: ClaimToken, work: Work, clock: Clock) -> ClaimedToken:
    digest = tokens.claim_digest(command.claim)
    questionnaire = await work.questionnaires.consult(command.questionnaire_id)
    refuse_unless(questionnaire.state is QuestionnaireState.OPEN, not_open)
    invitations = await work.invitations.where(questionnaire_id=command.questionnaire_id, person_id=command.by)
    refuse_unless(invitations, not_invited)
    invitations[0].claim(digest)
    return ClaimedToken(tokens.issue(work.token_key, command.questionnaire_id, invitations[0].site, command.claim))
