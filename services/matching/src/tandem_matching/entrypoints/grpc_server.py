"""Matching's methods, and who may call them."""

from tandem_kit.policy import Role
from tandem_kit.rpc.server import command, query
from tandem_matching.application.commands.accept_proposal import accept_proposal
from tandem_matching.application.commands.decline_proposal import decline_proposal
from tandem_matching.application.commands.dissolve_pair import dissolve_pair
from tandem_matching.application.commands.propose_pairs import propose_pairs
from tandem_matching.application.commands.publish_run import publish_run
from tandem_matching.application.commands.remove_proposal import remove_proposal
from tandem_matching.application.queries.get_run import get_run
from tandem_matching.application.queries.list_my_proposals import list_my_proposals
from tandem_matching.application.queries.list_pairs import list_pairs
from tandem_matching.application.queries.list_runs import list_runs

METHODS = (
    command(propose_pairs, allow=(Role.PROGRAMME_MANAGER,), everywhere=True),
    query(get_run, allow=(Role.PROGRAMME_MANAGER,), everywhere=True),
    query(list_runs, allow=(Role.PROGRAMME_MANAGER,), everywhere=True),
    command(remove_proposal, allow=(Role.PROGRAMME_MANAGER,)),
    command(publish_run, allow=(Role.PROGRAMME_MANAGER,), everywhere=True),
    command(accept_proposal, allow=(Role.EMPLOYEE,)),
    command(decline_proposal, allow=(Role.EMPLOYEE,)),
    query(list_my_proposals, allow=(Role.EMPLOYEE,)),
    command(dissolve_pair, allow=(Role.EMPLOYEE, Role.SITE_HR, Role.PROGRAMME_MANAGER)),
    query(list_pairs, allow=(Role.SITE_HR, Role.PROGRAMME_MANAGER, Role.SERVICE)),
)
