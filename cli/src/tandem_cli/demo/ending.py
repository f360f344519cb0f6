"""The last act: the programme ends, people answer, and the report comes."""

from secrets import token_hex

from tandem.enrolment.v1 import service_pb2 as enrolment
from tandem.feedback.v1 import service_pb2 as pb
from tandem_cli.demo.cast import Actor
from tandem_cli.demo.stage import Stage
from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_kit.policy import Role

_ANSWERS = 0.88
_COMMENTS = 0.25

# What the published programme's people said of each question, as the chance of a yes.
_YES = {"best-suited-format": 0.955, "changed-habits": 0.84, "would-recommend": 0.965}

_VERBATIMS = (
    "Enfin une formation où l'on ose poser toutes ses questions.",
    "Mon mentor m'a fait gagner une demi-heure par jour.",
    "J'ai découvert ce que nos clients voient vraiment de nous.",
    "Un regard neuf, de la patience et beaucoup d'humour.",
    "À refaire, et à ouvrir à toutes les équipes.",
    "I finally understand what my children do all day.",
    "Bien plus utile qu'un cours : on part de mes vrais besoins.",
    "Le rendez-vous du mois que je n'annule jamais.",
)


async def end(stage: Stage) -> pb.GetReportResponse:
    """End the programme, let people answer anonymously, close the questionnaire, and ask for the report."""
    manager = stage.client.staff(Role.PROGRAMME_MANAGER)
    await stage.client.enrolment.EndProgramme(
        enrolment.EndProgrammeRequest(programme_id=stage.programme), metadata=manager
    )
    await stage.client.settle()
    people = list(stage.cast.everybody().values())

    async def answer(actor: Actor) -> str | None:
        return await _answer(stage, actor)

    asked = await stage.together(stage.words.of("answering_questionnaire"), answer, people)
    questionnaire = next((key for key in asked if key), None)
    if questionnaire is None:
        raise Trouble(
            said(
                "Nobody was asked to answer the questionnaire.", "Personne n'a été invité à répondre au questionnaire."
            )
        )
    await stage.client.feedback.CloseQuestionnaire(
        pb.CloseQuestionnaireRequest(questionnaire_id=questionnaire), metadata=manager
    )
    await stage.client.settle()
    report = await stage.client.feedback.GetReport(pb.GetReportRequest(programme_id=stage.programme), metadata=manager)
    stage.say("ended", sent=report.reach.questionnaires_sent, answers=report.reach.answers)
    return report


async def _answer(stage: Stage, actor: Actor) -> str | None:
    """Answer what one was asked, as a person would; return the questionnaire that was asked."""
    feedback, who = stage.client.feedback, stage.client.person(actor.id)
    if actor.reference in stage.record.left:
        return None
    asked = await feedback.ListMyQuestionnaires(pb.ListMyQuestionnairesRequest(), metadata=who)
    for questionnaire in asked.questionnaires:
        if questionnaire.programme_id != stage.programme:
            continue
        if stage.chance.happens(_ANSWERS, "answers", actor.reference):
            claimed = await feedback.ClaimToken(
                pb.ClaimTokenRequest(questionnaire_id=questionnaire.id, claim=token_hex(32)), metadata=who
            )
            answers = [a for q in questionnaire.questions if (a := _opinion(stage, actor, q)) is not None]
            await feedback.Answer(
                pb.AnswerRequest(token=claimed.token, answers=answers), metadata=stage.client.nobody()
            )
        return questionnaire.id
    return None


def _opinion(stage: Stage, actor: Actor, question: pb.Question) -> pb.QuestionAnswer | None:
    pick = stage.chance.of("opinion", actor.reference, question.code)
    if question.agreement:
        yes = pick.random() < _YES.get(question.code, 0.8)
        return pb.QuestionAnswer(question=question.code, agreement=pick.choice((3, 4, 4) if yes else (1, 2, 2)))
    if pick.random() < _COMMENTS:
        return pb.QuestionAnswer(question=question.code, comment=pick.choice(_VERBATIMS))
    return None
