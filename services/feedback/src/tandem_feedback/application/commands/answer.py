import hashlib
from dataclasses import dataclass
from uuid import uuid4

from tandem_feedback.application.ports import Work
from tandem_feedback.domain import tokens
from tandem_feedback.domain.questionnaire import QuestionAnswer, Response, SpentToken
from tandem_feedback.domain.rules import token_spent
from tandem_kit.domain import Clock, refuse_unless


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer a questionnaire with a token. Nothing that is kept tells who, or at what hour."""

    token: str
    answers: tuple[QuestionAnswer, ...]


async def answer(command: Answer, work: Work, clock: Clock) -> None:
    token = tokens.verify(work.token_key, command.token)
    # With the token in it: of the answers alone, anybody could work it out and find what it was written beside.
    digest = hashlib.sha256((command.token + repr(sorted(command.answers, key=repr))).encode()).hexdigest()
    spent = await work.spent_tokens.find(token.spent_id)
    if spent is not None:
        # The same answer again: its first reply was lost.
        refuse_unless(spent.answers_digest == digest, token_spent)
        return
    questionnaire = await work.questionnaires.consult(token.questionnaire_id)
    questionnaire.check(command.answers)
    work.spent_tokens.add(SpentToken(id=token.spent_id, answers_digest=digest))
    work.responses.add(
        Response(
            id=uuid4(),
            questionnaire_id=token.questionnaire_id,
            programme_id=questionnaire.programme_id,
            site=token.site,
            answered_on=clock.now().date(),
            answers=list(command.answers),
        )
    )
