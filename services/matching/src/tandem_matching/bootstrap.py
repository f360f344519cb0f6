"""Builds matching; the only place that does."""

from tandem.matching.v1 import service_pb2
from tandem_kit.domain import Clock
from tandem_kit.handlers import UseCases
from tandem_kit.service import Parts, Service
from tandem_kit.timers import errands
from tandem_matching.adapters.enrolment import GrpcEnrolment
from tandem_matching.adapters.events import TOPICS
from tandem_matching.adapters.solver import ProcessSolver
from tandem_matching.adapters.tables import metadata
from tandem_matching.adapters.work import MatchingWork
from tandem_matching.application.commands.expire_proposal import expire_proposal
from tandem_matching.application.commands.form_pair import FormPair, form_pair
from tandem_matching.application.commands.release_candidate import release_candidate
from tandem_matching.application.commands.rematch import rematch
from tandem_matching.application.commands.stage_run import StageRun, stage_run
from tandem_matching.application.errands.confirm_pair import ConfirmPair, confirm_pair
from tandem_matching.application.errands.solve_run import SolveRun, pool_of, solve
from tandem_matching.entrypoints.consumers import SUBSCRIPTION
from tandem_matching.entrypoints.grpc_server import METHODS
from tandem_matching.settings import Settings

NAME = "matching"

USE_CASES = UseCases(expire_proposal, form_pair, release_candidate, rematch, stage_run)


def build(settings: Settings) -> Service:
    parts = Parts.of(NAME, settings, MatchingWork, TOPICS, metadata)
    neighbours = {"enrolment": parts.connect(settings.enrolment)}
    enrolment, solver = GrpcEnrolment(neighbours["enrolment"]), ProcessSolver()

    async def solving(errand: SolveRun, _: Clock) -> StageRun:
        rules = await enrolment.matching_rules(errand.programme_id)
        async with parts.works.read() as work:
            pool = await pool_of(errand.programme_id, rules, work)
        return StageRun(errand.run_id, await solve(pool, solver), rules.answer_days)

    async def confirming(errand: ConfirmPair, _: Clock) -> FormPair:
        return await confirm_pair(errand, enrolment)

    return parts.service(
        service_pb2,
        METHODS,
        USE_CASES,
        subscription=SUBSCRIPTION,
        errands=errands(solving, confirming),
        neighbours=neighbours,
    )
