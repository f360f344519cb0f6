from collections.abc import Sequence
from dataclasses import dataclass, replace

from tandem_kit.domain import Clock, Receipt
from tandem_matching.application.commands.rematch import rematch_soon
from tandem_matching.application.ports import Work
from tandem_matching.domain.matching import Match, Outcome
from tandem_matching.domain.proposal import Proposal
from tandem_matching.domain.types import PersonId, ProgrammeId, RunId


@dataclass(frozen=True, slots=True)
class StageRun:
    """The solver has answered: keep its proposals for review."""

    run_id: RunId
    outcome: Outcome
    answer_days: int


async def stage_run(command: StageRun, work: Work, clock: Clock) -> Receipt:
    run = await work.runs.get(command.run_id)
    here = await _still_here(command.outcome.matches, run.programme_id, work)
    matches = tuple(m for m in command.outcome.matches if {m.mentor_id, m.mentee_id} <= here)
    for match in matches:
        work.proposals.add(Proposal.of(match, command.run_id, run.programme_id))
    run.stage(replace(command.outcome, matches=matches), command.answer_days)
    if len(matches) < len(command.outcome.matches):
        await rematch_soon(run.programme_id, work, clock)
    return work.receipt_for(run)


async def _still_here(matches: Sequence[Match], programme: ProgrammeId, work: Work) -> set[PersonId]:
    """Lock the people of the proposals, as a leaver's reaction does: some may have left while the solver thought."""
    people = [person for match in matches for person in (match.mentor_id, match.mentee_id)]
    candidates = await work.candidates.where(programme_id=programme, person_id=people, withdrawn=False, ready=True)
    return {candidate.person_id for candidate in candidates}
