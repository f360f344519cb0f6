"""Between a run's start and its proposals: read the pool, ask for the rules, and solve, outside any transaction."""

from collections import Counter
from dataclasses import dataclass

from tandem_matching.application.ports import Solver, Work
from tandem_matching.domain.fit import MatchingRules, Pool
from tandem_matching.domain.matching import Outcome, outcome_of, problem_of
from tandem_matching.domain.pair import Pair
from tandem_matching.domain.proposal import OPEN_STATES, Proposal, ProposalState
from tandem_matching.domain.types import ProgrammeId, Role, RunId


@dataclass(frozen=True, slots=True)
class SolveRun:
    run_id: RunId
    programme_id: ProgrammeId


async def solve(pool: Pool, solver: Solver) -> Outcome:
    problem = problem_of(pool)
    return outcome_of(pool, problem, await solver.solve(problem))


async def pool_of(programme: ProgrammeId, rules: MatchingRules, work: Work) -> Pool:
    """Return everybody who waits, and everything that counts."""
    candidates = await work.candidates.where(programme_id=programme, withdrawn=False, ready=True)
    proposals = await work.proposals.where(programme_id=programme)
    pairs = await work.pairs.where(programme_id=programme)
    active = {position.id for position in await work.positions.where(active=True)}
    managers = {position.id: tuple(position.managers) for position in await work.positions.where()}

    held = [p for p in proposals if p.state in OPEN_STATES] + [p for p in pairs if not p.dissolved]
    taken = Counter(p.mentor_id for p in held)
    served = {p.mentee_id for p in held}
    declined = {(p.mentor_id, p.mentee_id) for p in proposals if p.state is ProposalState.DECLINED}
    parted = {(p.mentor_id, p.mentee_id) for p in pairs if p.dissolved}
    first = _who_lost_somebody(proposals, pairs)

    present = sorted((c for c in candidates if c.person_id in active), key=lambda c: (c.enrolled_at, c.id))
    mentors = [c for c in present if c.role is Role.MENTOR]
    mentees = [c for c in present if c.role is Role.MENTEE and c.person_id not in served]
    mentees.sort(key=lambda c: c.person_id not in first)
    free = {c.id: c.capacity - taken[c.person_id] for c in mentors}
    return Pool(mentors, mentees, free, declined | parted, managers, rules)


def _who_lost_somebody(proposals: list[Proposal], pairs: list[Pair]) -> set[object]:
    lost = {ProposalState.DECLINED, ProposalState.WITHDRAWN}
    return {p.mentee_id for p in proposals if p.state in lost} | {p.mentee_id for p in pairs if p.dissolved}
