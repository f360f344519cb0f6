from dataclasses import dataclass

from tandem_feedback.application.ports import Work
from tandem_feedback.domain.questionnaire import Invitation, Participation, Questionnaire, QuestionnaireState
from tandem_feedback.domain.types import PersonId, ProgrammeId, SessionFormat
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class OpenQuestionnaire:
    """Once the programme has ended and its questionnaire is known, ask everybody who came to a session."""

    programme_id: ProgrammeId


async def open_questionnaire(command: OpenQuestionnaire, work: Work, clock: Clock) -> None:
    if await work.ended_programmes.find(command.programme_id) is None:
        return
    for questionnaire in await work.questionnaires.where(programme_id=command.programme_id):
        questionnaire.open()
        if questionnaire.state is QuestionnaireState.OPEN:
            await _invite(questionnaire, work)


async def _invite(questionnaire: Questionnaire, work: Work) -> None:
    """Ask everybody who came to a session and was not asked before."""
    programme = questionnaire.programme_id
    asked = {i.person_id for i in await work.invitations.where(questionnaire_id=questionnaire.id)}
    came: dict[PersonId, list[Participation]] = {}
    for participation in await work.participations.where(programme_id=programme):
        came.setdefault(participation.person_id, []).append(participation)
    for person, participations in came.items():
        if person not in asked:
            # A pair's site is the mentee's own; a collective session may have been elsewhere.
            first = min(participations, key=lambda p: (p.format != SessionFormat.ONE_TO_ONE, p.site))
            work.invitations.add(Invitation.send(questionnaire, person, first.site))
