"""The questionnaire of a programme's end: its questions, who is asked, and what an answer may hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Self
from uuid import UUID, uuid4

from tandem_feedback.domain import rules
from tandem_feedback.domain.types import PersonId, ProgrammeId, QuestionnaireId, SiteCode
from tandem_kit.domain import Aggregate, Malformed, RuleBroken, refuse_unless


class QuestionKind(StrEnum):
    AGREEMENT = "agreement"
    COMMENT = "comment"


class QuestionnaireState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"


UNNAMED_SITE = SiteCode("")
"""Of the responses, once the questionnaire is closed, of all sites that are too small to be named."""


@dataclass(frozen=True, slots=True)
class Text:
    en: str
    fr: str


@dataclass(frozen=True)
class Question:
    code: str
    kind: QuestionKind
    text: Text

    @property
    def agreement(self) -> bool:
        return self.kind is QuestionKind.AGREEMENT


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """One step of agreement from 1 to 4 (0 for a comment), or a comment."""

    question: str
    agreement: int
    comment: str | None


@dataclass(frozen=True, slots=True)
class QuestionnaireOpened:
    questionnaire_id: QuestionnaireId
    programme_id: ProgrammeId


@dataclass(frozen=True, slots=True)
class QuestionnaireClosed:
    questionnaire_id: QuestionnaireId
    programme_id: ProgrammeId


@dataclass(frozen=True, slots=True)
class QuestionnaireSent:
    questionnaire_id: QuestionnaireId
    programme_id: ProgrammeId
    person_id: PersonId


@dataclass(kw_only=True)
class Questionnaire(Aggregate):
    programme_id: ProgrammeId
    questions: list[Question]
    state: QuestionnaireState = QuestionnaireState.DRAFT

    @classmethod
    def draft(cls, programme: ProgrammeId, questions: Sequence[Question]) -> Self:
        return cls(id=uuid4(), programme_id=programme, questions=list(questions))

    def open(self) -> None:
        """Take answers; opening twice changes nothing."""
        if self.state is QuestionnaireState.DRAFT:
            self.state = QuestionnaireState.OPEN
            self.record(QuestionnaireOpened(QuestionnaireId(self.id), self.programme_id))

    def close(self) -> None:
        """Take no more answers: only now can they be reported, for good."""
        refuse_unless(self.state is QuestionnaireState.OPEN, rules.not_open)
        self.state = QuestionnaireState.CLOSED
        self.record(QuestionnaireClosed(QuestionnaireId(self.id), self.programme_id))

    def check(self, answers: Sequence[QuestionAnswer]) -> None:
        """Refuse answers that are not to these questions; `Malformed` with every problem."""
        refuse_unless(self.state is QuestionnaireState.OPEN, rules.not_open)
        problems = list(self._problems(answers))
        if problems:
            raise Malformed(problems)

    def _problems(self, answers: Sequence[QuestionAnswer]) -> Iterator[tuple[str, RuleBroken]]:
        kinds = {question.code: question.kind for question in self.questions}
        seen: set[str] = set()
        for number, answer in enumerate(answers):
            path = f"answers[{number}]"
            if answer.question not in kinds:
                yield path, RuleBroken(rules.unknown_question)
            elif answer.question in seen:
                yield path, RuleBroken(rules.answered_twice)
            elif kinds[answer.question] is QuestionKind.AGREEMENT:
                if answer.agreement == 0 or answer.comment is not None:
                    yield path, RuleBroken(rules.agreement_expected)
            elif answer.agreement != 0 or not (answer.comment or "").strip():
                yield path, RuleBroken(rules.comment_expected)
            seen.add(answer.question)


@dataclass(kw_only=True)
class Invitation(Aggregate):
    """One person who is asked to answer. It knows whether a token was given out, never which answer came of it."""

    questionnaire_id: QuestionnaireId
    programme_id: ProgrammeId
    person_id: PersonId
    site: SiteCode
    claim_digest: str | None = None

    @classmethod
    def send(cls, questionnaire: Questionnaire, person: PersonId, site: SiteCode) -> Self:
        key = QuestionnaireId(questionnaire.id)
        programme = questionnaire.programme_id
        invitation = cls(id=uuid4(), questionnaire_id=key, programme_id=programme, person_id=person, site=site)
        invitation.record(QuestionnaireSent(key, programme, person))
        return invitation

    def claim(self, digest: str) -> None:
        """Give the token out once; the same claim may ask again, as when the reply was lost."""
        refuse_unless(self.claim_digest in {None, digest}, rules.token_claimed)
        self.claim_digest = digest


@dataclass(kw_only=True)
class Response:
    """An answered questionnaire. Its id is random, its time a day, and no person is in it."""

    id: UUID
    questionnaire_id: QuestionnaireId
    programme_id: ProgrammeId
    site: SiteCode
    answered_on: date
    answers: list[QuestionAnswer]


@dataclass(kw_only=True)
class SpentToken:
    """A token that has answered; its id comes from the token's nonce, which nobody's row holds."""

    id: UUID
    answers_digest: str


@dataclass(kw_only=True)
class Participation:
    """A person came to a session, as sessions' events tell."""

    id: UUID
    programme_id: ProgrammeId
    session_id: UUID
    person_id: PersonId
    site: SiteCode
    format: str


@dataclass(kw_only=True)
class HeldSession:
    """A session that was held; its id is the session's."""

    id: UUID
    programme_id: ProgrammeId
    site: SiteCode
    format: str
    mentor_ids: list[UUID] = field(default_factory=list)


@dataclass(kw_only=True)
class EndedProgramme:
    """A programme that has ended; its id is the programme's."""

    id: UUID
