from dataclasses import dataclass

from tandem_kit.domain import Clock
from tandem_matching.application.commands.rematch import rematch_soon
from tandem_matching.application.ports import PairCheck, Work
from tandem_matching.domain.candidate import Candidate
from tandem_matching.domain.pair import Pair
from tandem_matching.domain.proposal import Proposal, ProposalState
from tandem_matching.domain.types import ProposalId, Role, WithdrawalReason


@dataclass(frozen=True, slots=True)
class FormPair:
    """Both accepted, and enrolment has just said whether they may be paired."""

    proposal_id: ProposalId
    check: PairCheck


async def form_pair(command: FormPair, work: Work, clock: Clock) -> None:
    proposal = await work.proposals.get(command.proposal_id)
    if proposal.state is not ProposalState.ACCEPTED:
        return
    reason = WithdrawalReason.NOT_ELIGIBLE if not command.check.eligible else await _what_changed(proposal, work)
    if reason is None:
        proposal.become_pair()
        work.pairs.add(Pair.form(proposal))
    else:
        proposal.withdraw(reason)
        await rematch_soon(proposal.programme_id, work, clock)


async def _what_changed(proposal: Proposal, work: Work) -> WithdrawalReason | None:
    """Lock both candidates, as a leaver's reaction does, and look again."""
    people = [proposal.mentor_id, proposal.mentee_id]
    candidates = await work.candidates.where(programme_id=proposal.programme_id, person_id=people, withdrawn=False)
    mentor = _ready(candidates, proposal, Role.MENTOR)
    mentee = _ready(candidates, proposal, Role.MENTEE)
    if mentor is None or mentee is None:
        return WithdrawalReason.LEFT
    pairs = await work.pairs.where(programme_id=proposal.programme_id, mentor_id=mentor.person_id, dissolved=False)
    paired = await work.pairs.exists(programme_id=proposal.programme_id, mentee_id=mentee.person_id, dissolved=False)
    if len(pairs) >= mentor.capacity or paired:
        return WithdrawalReason.CAPACITY_REACHED
    return None


def _ready(candidates: list[Candidate], proposal: Proposal, role: Role) -> Candidate | None:
    person = proposal.mentor_id if role is Role.MENTOR else proposal.mentee_id
    return next((c for c in candidates if c.person_id == person and c.role is role and c.ready), None)
