"""Feedback's methods, and who may call them."""

from tandem_feedback.application.commands.answer import answer
from tandem_feedback.application.commands.claim_token import claim_token
from tandem_feedback.application.commands.close_questionnaire import close_questionnaire
from tandem_feedback.application.queries.get_report import get_report
from tandem_feedback.application.queries.list_my_questionnaires import list_my_questionnaires
from tandem_kit.policy import Role
from tandem_kit.rpc.server import command, query

METHODS = (
    query(list_my_questionnaires, allow=(Role.EMPLOYEE,)),
    # Neither leaves a record that could bring a person and an answer together.
    command(claim_token, allow=(Role.EMPLOYEE,), recorded=False),
    command(answer, allow=(Role.ANYONE,), recorded=False),
    command(close_questionnaire, allow=(Role.PROGRAMME_MANAGER,), everywhere=True),
    query(get_report, allow=(Role.PROGRAMME_MANAGER, Role.AUDITOR)),
)
