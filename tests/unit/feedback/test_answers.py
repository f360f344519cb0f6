import secrets
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tandem_feedback.adapters.events import TOPICS
from tandem_feedback.adapters.tables import metadata
from tandem_feedback.adapters.work import FeedbackWork, work_with
from tandem_feedback.application.commands.adopt_questionnaire import AdoptQuestionnaire, adopt_questionnaire
from tandem_feedback.application.commands.answer import Answer
from tandem_feedback.application.commands.claim_token import ClaimToken
from tandem_feedback.application.commands.close_questionnaire import CloseQuestionnaire
from tandem_feedback.application.commands.look_whom_to_ask import LookWhomToAsk, look_whom_to_ask
from tandem_feedback.application.commands.open_questionnaire import open_questionnaire
from tandem_feedback.domain import tokens
from tandem_feedback.domain.questionnaire import (
    EndedProgramme,
    Participation,
    Question,
    QuestionAnswer,
    QuestionKind,
    Response,
    Text,
)
from tandem_feedback.domain.types import PersonId, ProgrammeId, QuestionnaireId, SiteCode
from tandem_feedback.entrypoints.grpc_server import METHODS
from tandem_kit.domain import Malformed, RuleBroken
from tandem_kit.testing.house import House

Feedback = House[FeedbackWork]

PROGRAMME = ProgrammeId(uuid4())
QUESTIONS = (
    Question("recommend", QuestionKind.AGREEMENT, Text("Recommend?", "Recommander ?")),
    Question("words", QuestionKind.COMMENT, Text("Words?", "Mots ?")),
)
YES = QuestionAnswer("recommend", 4, None)


@pytest.fixture
def feedback() -> Feedback:
    handlers = (adopt_questionnaire, look_whom_to_ask, open_questionnaire)
    return House(work_with(b"k" * 32), TOPICS, metadata, METHODS, handlers)


def coming(person: PersonId, site: str = "lyon", how: str = "collective") -> Participation:
    return Participation(
        id=uuid4(), programme_id=PROGRAMME, session_id=uuid4(), person_id=person, site=SiteCode(site), format=how
    )


async def the_programme_ends(feedback: Feedback) -> None:
    await feedback.has(EndedProgramme(id=PROGRAMME))
    await feedback.does(LookWhomToAsk(PROGRAMME))
    await feedback.lets_pass(timedelta())


async def an_open_questionnaire(feedback: Feedback, *people: PersonId) -> QuestionnaireId:
    await feedback.has(*(coming(person) for person in people))
    await feedback.does(AdoptQuestionnaire(PROGRAMME, QUESTIONS))
    await the_programme_ends(feedback)
    opened = next(fact for fact in feedback.facts() if type(fact).__name__ == "QuestionnaireOpened")
    return QuestionnaireId(UUID(opened.questionnaire_id))  # type: ignore[attr-defined]


async def a_token(feedback: Feedback, questionnaire: QuestionnaireId, person: PersonId) -> str:
    claimed = await feedback.does(ClaimToken(questionnaire, by=person, claim=secrets.token_hex(32)))
    token: str = claimed.token
    return token


async def test_everybody_who_came_is_asked_once_when_the_programme_ends(feedback: Feedback) -> None:
    person, other = PersonId(uuid4()), PersonId(uuid4())
    await feedback.has(coming(person), coming(person), coming(other))
    await feedback.does(AdoptQuestionnaire(PROGRAMME, QUESTIONS))
    await feedback.lets_pass(timedelta())
    assert feedback.told() == []
    await the_programme_ends(feedback)
    assert feedback.told() == ["QuestionnaireOpened", "QuestionnaireSent", "QuestionnaireSent"]


async def test_whoever_comes_to_be_known_later_is_asked_too(feedback: Feedback) -> None:
    await an_open_questionnaire(feedback, PersonId(uuid4()))
    await feedback.has(coming(PersonId(uuid4())))
    await feedback.does(LookWhomToAsk(PROGRAMME))
    await feedback.lets_pass(timedelta())
    assert feedback.told() == ["QuestionnaireSent"]


async def test_the_end_may_be_known_before_the_questions(feedback: Feedback) -> None:
    await feedback.has(coming(PersonId(uuid4())))
    await the_programme_ends(feedback)
    await feedback.does(AdoptQuestionnaire(PROGRAMME, QUESTIONS))
    await feedback.lets_pass(timedelta())
    assert feedback.told() == ["QuestionnaireOpened", "QuestionnaireSent"]


async def test_a_token_answers_once(feedback: Feedback) -> None:
    person = PersonId(uuid4())
    questionnaire = await an_open_questionnaire(feedback, person)
    token = await a_token(feedback, questionnaire, person)
    await feedback.does(Answer(token, (YES,)))
    with pytest.raises(RuleBroken, match="token_spent"):
        await feedback.does(Answer(token, (QuestionAnswer("recommend", 1, None),)))


async def test_an_answer_whose_reply_was_lost_can_be_sent_again(feedback: Feedback) -> None:
    person = PersonId(uuid4())
    questionnaire = await an_open_questionnaire(feedback, person)
    token = await a_token(feedback, questionnaire, person)
    await feedback.does(Answer(token, (YES,)))
    await feedback.does(Answer(token, (YES,)))
    async with feedback.works.read() as work:
        assert len(await work.responses.where()) == 1


async def test_a_claim_whose_reply_was_lost_gives_the_same_token_and_another_claim_none(feedback: Feedback) -> None:
    person = PersonId(uuid4())
    questionnaire = await an_open_questionnaire(feedback, person)
    claim = secrets.token_hex(32)
    first = await feedback.does(ClaimToken(questionnaire, by=person, claim=claim))
    again = await feedback.does(ClaimToken(questionnaire, by=person, claim=claim))
    assert first == again
    with pytest.raises(RuleBroken, match="token_claimed"):
        await feedback.does(ClaimToken(questionnaire, by=person, claim=secrets.token_hex(32)))


async def test_only_who_was_asked_gets_a_token(feedback: Feedback) -> None:
    questionnaire = await an_open_questionnaire(feedback, PersonId(uuid4()))
    with pytest.raises(RuleBroken, match="not_invited"):
        await a_token(feedback, questionnaire, PersonId(uuid4()))


async def test_a_token_that_was_changed_or_made_up_is_refused(feedback: Feedback) -> None:
    person = PersonId(uuid4())
    questionnaire = await an_open_questionnaire(feedback, person)
    token = await a_token(feedback, questionnaire, person)
    for forged in (token.replace("lyon", "nice"), token[:-1] + ("0" if token[-1] != "0" else "1"), "nothing"):
        with pytest.raises(RuleBroken, match="token_not_valid"):
            await feedback.does(Answer(forged, (YES,)))


async def test_answers_that_do_not_fit_the_questions_are_all_told(feedback: Feedback) -> None:
    person = PersonId(uuid4())
    questionnaire = await an_open_questionnaire(feedback, person)
    token = await a_token(feedback, questionnaire, person)
    wrong = (
        QuestionAnswer("recommend", 0, "yes"),
        QuestionAnswer("words", 3, None),
        QuestionAnswer("age", 4, None),
        QuestionAnswer("recommend", 4, None),
    )
    with pytest.raises(Malformed) as told:
        await feedback.does(Answer(token, wrong))
    assert [broken.rule.name for _, broken in told.value.problems] == [
        "agreement_expected",
        "comment_expected",
        "unknown_question",
        "answered_twice",
    ]


async def test_a_closed_questionnaire_takes_no_answer(feedback: Feedback) -> None:
    person = PersonId(uuid4())
    questionnaire = await an_open_questionnaire(feedback, person)
    token = await a_token(feedback, questionnaire, person)
    await feedback.does(CloseQuestionnaire(questionnaire))
    with pytest.raises(RuleBroken, match="not_open"):
        await feedback.does(Answer(token, (YES,)))


async def test_closing_writes_the_answers_anew_so_that_nothing_written_beside_one_leads_to_it(
    feedback: Feedback,
) -> None:
    people = [PersonId(uuid4()) for _ in range(3)]
    questionnaire = await an_open_questionnaire(feedback, *people)
    for step, person in enumerate(people):
        await feedback.does(
            Answer(await a_token(feedback, questionnaire, person), (QuestionAnswer("recommend", step + 1, None),))
        )

    async def kept() -> dict[UUID, int]:
        async with feedback.works.read() as work:
            return {response.id: response.answers[0].agreement for response in await work.responses.where()}

    before = await kept()
    await feedback.does(CloseQuestionnaire(questionnaire))
    after = await kept()
    assert sorted(after.values()) == sorted(before.values()) == [1, 2, 3]
    assert not before.keys() & after.keys()


async def test_a_closed_questionnaire_names_no_site_with_few_answers(feedback: Feedback) -> None:
    people = [PersonId(uuid4()) for _ in range(6)]
    await feedback.has(*(coming(person, "lyon") for person in people[:5]), coming(people[5], "brest"))
    questionnaire = await an_open_questionnaire(feedback)
    for person in people:
        await feedback.does(Answer(await a_token(feedback, questionnaire, person), (YES,)))
    await feedback.does(CloseQuestionnaire(questionnaire))
    async with feedback.works.read() as work:
        assert sorted(response.site for response in await work.responses.where()) == ["", *["lyon"] * 5]


async def test_what_a_token_left_behind_cannot_be_worked_out_from_its_answers(feedback: Feedback) -> None:
    people = [PersonId(uuid4()), PersonId(uuid4())]
    questionnaire = await an_open_questionnaire(feedback, *people)
    for person in people:
        await feedback.does(Answer(await a_token(feedback, questionnaire, person), (YES,)))
    async with feedback.works.read() as work:
        assert len({spent.answers_digest for spent in await work.spent_tokens.where()}) == 2


def test_one_claim_gives_another_token_for_another_questionnaire() -> None:
    claim = secrets.token_hex(32)
    spent = {
        tokens.verify(b"k", tokens.issue(b"k", QuestionnaireId(uuid4()), SiteCode("lyon"), claim)).spent_id
        for _ in range(2)
    }
    assert len(spent) == 2


async def test_nothing_that_is_kept_of_an_answer_tells_who_or_at_what_hour(feedback: Feedback) -> None:
    person = PersonId(uuid4())
    questionnaire = await an_open_questionnaire(feedback, person)
    token = await a_token(feedback, questionnaire, person)
    before = len(feedback.database.outbox)
    feedback.clock.advance(timedelta(hours=5, minutes=7))
    await feedback.does(Answer(token, (YES,)))
    assert len(feedback.database.outbox) == before
    async with feedback.works.read() as work:
        (response,) = await work.responses.where()
        (spent,) = await work.spent_tokens.where()
        (invitation,) = await work.invitations.where()
    assert set(Response.__dataclass_fields__) == {
        "id",
        "questionnaire_id",
        "programme_id",
        "site",
        "answered_on",
        "answers",
    }
    kept = f"{response} {spent}"
    assert str(person) not in kept
    assert str(invitation.id) not in kept
    assert invitation.claim_digest is not None
    assert invitation.claim_digest not in kept
    assert invitation.claim_digest not in token
