from datetime import timedelta

import pytest

from tandem_kit.domain import RuleBroken
from tandem_kit.testing.house import House
from tandem_matching.adapters.work import MatchingWork
from tandem_matching.application.commands.accept_proposal import AcceptProposal
from tandem_matching.application.commands.decline_proposal import DeclineProposal
from tandem_matching.application.commands.dissolve_pair import DissolvePair
from tandem_matching.application.commands.form_pair import FormPair
from tandem_matching.application.commands.propose_pairs import ProposePairs
from tandem_matching.application.commands.publish_run import PublishRun
from tandem_matching.application.commands.release_candidate import ReleaseCandidate
from tandem_matching.application.commands.stage_run import StageRun
from tandem_matching.application.errands.solve_run import pool_of
from tandem_matching.application.ports import PairCheck
from tandem_matching.domain.candidate import Position
from tandem_matching.domain.matching import outcome_of, problem_of
from tandem_matching.domain.proposal import Proposal, ProposalState
from tandem_matching.domain.types import (
    DeclineReason,
    DissolutionReason,
    EnrolmentId,
    PairId,
    PersonId,
    ProposalId,
    RunId,
)
from tests.unit.matching.builders import PROGRAMME, a_mentee, a_mentor, a_pair, a_pool, a_proposal, some_rules

Matching = House[MatchingWork]
ELIGIBLE = PairCheck(eligible=True, broken_rules=())


def proposal_id(proposal: Proposal) -> ProposalId:
    return ProposalId(proposal.id)


async def test_a_proposal_is_accepted_only_when_both_have_accepted(matching: Matching) -> None:
    proposal = a_proposal(a_mentor(), a_mentee())
    await matching.has(proposal)

    await matching.does(AcceptProposal(proposal_id(proposal), by=proposal.mentee_id))
    assert matching.told() == ["ProposalAcceptedBy"]

    await matching.does(AcceptProposal(proposal_id(proposal), by=proposal.mentor_id))
    assert matching.told() == ["ProposalAcceptedBy", "ProposalAccepted"]
    assert f"confirm/{proposal.id}" in matching.database.timers


async def test_saying_yes_twice_changes_nothing(matching: Matching) -> None:
    proposal = a_proposal(a_mentor(), a_mentee())
    await matching.has(proposal)
    for _ in range(2):
        await matching.does(AcceptProposal(proposal_id(proposal), by=proposal.mentee_id))
    assert matching.told() == ["ProposalAcceptedBy"]


async def test_only_the_two_people_of_a_proposal_answer_it(matching: Matching) -> None:
    proposal = a_proposal(a_mentor(), a_mentee())
    stranger = PersonId(proposal.id)
    await matching.has(proposal)
    with pytest.raises(RuleBroken, match="not_a_party"):
        await matching.does(AcceptProposal(proposal_id(proposal), by=stranger))
    with pytest.raises(RuleBroken, match="not_a_party"):
        await matching.does(DeclineProposal(proposal_id(proposal), by=stranger, reason=DeclineReason.OTHER))


async def test_an_expired_proposal_takes_no_answer(matching: Matching) -> None:
    proposal = a_proposal(a_mentor(), a_mentee())
    await matching.has(proposal)
    matching.clock.advance(timedelta(days=20))
    with pytest.raises(RuleBroken, match="no_longer_open"):
        await matching.does(AcceptProposal(proposal_id(proposal), by=proposal.mentee_id))


async def test_a_pair_is_formed_when_both_are_still_eligible(matching: Matching) -> None:
    mentor, mentee = a_mentor(), a_mentee()
    proposal = a_proposal(mentor, mentee, state=ProposalState.ACCEPTED)
    await matching.has(mentor, mentee, proposal)
    await matching.does(FormPair(proposal_id(proposal), ELIGIBLE))
    assert matching.told() == ["PairFormed"]


async def test_no_pair_is_formed_when_enrolment_says_no(matching: Matching) -> None:
    mentor, mentee = a_mentor(), a_mentee()
    proposal = a_proposal(mentor, mentee, state=ProposalState.ACCEPTED)
    await matching.has(mentor, mentee, proposal)
    refused = PairCheck(eligible=False, broken_rules=("same_reporting_line",))
    await matching.does(FormPair(proposal_id(proposal), refused))
    assert matching.told() == ["ProposalWithdrawn"]


async def test_no_pair_is_formed_with_somebody_who_has_just_left(matching: Matching) -> None:
    mentor, mentee = a_mentor(), a_mentee(withdrawn=True)
    proposal = a_proposal(mentor, mentee, state=ProposalState.ACCEPTED)
    await matching.has(mentor, mentee, proposal)
    await matching.does(FormPair(proposal_id(proposal), ELIGIBLE))
    assert matching.told() == ["ProposalWithdrawn"]


async def test_a_mentor_has_no_more_pairs_than_their_capacity(matching: Matching) -> None:
    mentor, mentee, other = a_mentor(capacity=1), a_mentee(), a_mentee()
    proposal = a_proposal(mentor, mentee, state=ProposalState.ACCEPTED)
    await matching.has(mentor, mentee, other, proposal, a_pair(mentor, other))
    await matching.does(FormPair(proposal_id(proposal), ELIGIBLE))
    assert matching.told() == ["ProposalWithdrawn"]


async def test_a_decline_leads_to_a_new_run_a_day_after_the_last_one(matching: Matching) -> None:
    first, second = a_proposal(a_mentor(), a_mentee()), a_proposal(a_mentor(), a_mentee())
    await matching.has(first, second)
    await matching.does(DeclineProposal(proposal_id(first), by=first.mentee_id, reason=DeclineReason.NO_TIME))
    await matching.lets_pass(timedelta(hours=20))
    await matching.does(DeclineProposal(proposal_id(second), by=second.mentor_id, reason=DeclineReason.OTHER))
    await matching.lets_pass(timedelta(hours=20))
    assert matching.told() == ["ProposalDeclined", "ProposalDeclined"]
    await matching.lets_pass(timedelta(hours=5))
    assert matching.told() == ["RunStarted"]


async def test_a_published_proposal_that_nobody_answers_expires(matching: Matching) -> None:
    mentor, mentee = a_mentor(), a_mentee()
    await matching.has(mentor, mentee)
    run = RunId((await matching.does(ProposePairs(PROGRAMME))).id)
    pool = a_pool([mentor], [mentee])
    await matching.does(StageRun(run, outcome_of(pool, problem_of(pool), {0: 0}), answer_days=10))
    await matching.does(PublishRun(run))
    assert matching.told() == ["RunStarted", "RunStaged", "RunPublished", "ProposalPublished"]
    await matching.lets_pass(timedelta(days=11))
    assert matching.told() == ["ProposalWithdrawn"]


async def test_nobody_is_proposed_who_left_while_the_solver_thought(matching: Matching) -> None:
    mentor, mentee = a_mentor(withdrawn=True), a_mentee()
    await matching.has(mentor, mentee)
    run = RunId((await matching.does(ProposePairs(PROGRAMME))).id)
    pool = a_pool([mentor], [mentee])
    await matching.does(StageRun(run, outcome_of(pool, problem_of(pool), {0: 0}), answer_days=10))
    staged = matching.facts()[-1]
    assert staged.proposals == 0  # type: ignore[attr-defined]
    assert f"rematch/{PROGRAMME}" in matching.database.timers


async def test_one_run_of_a_programme_is_solved_at_a_time(matching: Matching) -> None:
    await matching.does(ProposePairs(PROGRAMME))
    with pytest.raises(RuleBroken, match="run_in_progress"):
        await matching.does(ProposePairs(PROGRAMME))


async def test_a_pair_ends_without_fault_and_is_matched_again(matching: Matching) -> None:
    pair = a_pair(a_mentor(), a_mentee())
    await matching.has(pair)
    await matching.does(DissolvePair(PairId(pair.id), DissolutionReason.NOT_A_FIT, by=pair.mentee_id))
    assert matching.told() == ["PairDissolved"]
    assert f"rematch/{PROGRAMME}" in matching.database.timers
    with pytest.raises(RuleBroken, match="pair_dissolved"):
        await matching.does(DissolvePair(PairId(pair.id), DissolutionReason.NOT_A_FIT, by=pair.mentee_id))


async def test_nobody_ends_the_pair_of_others(matching: Matching) -> None:
    pair = a_pair(a_mentor(), a_mentee())
    await matching.has(pair)
    with pytest.raises(RuleBroken, match="not_your_pair"):
        await matching.does(DissolvePair(PairId(pair.id), DissolutionReason.OTHER, by=PersonId(pair.id)))


async def test_a_mentor_who_leaves_ends_their_pairs_and_proposals(matching: Matching) -> None:
    mentor, paired, proposed = a_mentor(capacity=2), a_mentee(), a_mentee()
    await matching.has(mentor, paired, proposed, a_pair(mentor, paired), a_proposal(mentor, proposed))
    await matching.does(ReleaseCandidate(EnrolmentId(mentor.id)))
    assert sorted(matching.told()) == ["PairDissolved", "ProposalWithdrawn"]
    assert f"rematch/{PROGRAMME}" in matching.database.timers


async def test_who_lost_a_mentor_comes_first_in_the_next_run(matching: Matching) -> None:
    mentor, early, late = a_mentor(), a_mentee(), a_mentee()
    positions = [Position(id=c.person_id) for c in (mentor, early, late)]
    await matching.has(mentor, early, late, *positions, a_pair(a_mentor(), late, dissolved=True))
    async with matching.works.read() as work:
        pool = await pool_of(PROGRAMME, some_rules(), work)
    assert [c.id for c in pool.mentees] == [late.id, early.id]


async def test_only_who_is_present_ready_and_free_waits_in_the_pool(matching: Matching) -> None:
    mentor, mentee, paired, gone = a_mentor(capacity=3), a_mentee(), a_mentee(), a_mentee()
    untrained = a_mentor(ready=False)
    positions = [Position(id=c.person_id, active=c is not gone) for c in (mentor, mentee, paired, gone, untrained)]
    await matching.has(mentor, mentee, paired, gone, untrained, *positions, a_pair(mentor, paired))
    async with matching.works.read() as work:
        pool = await pool_of(PROGRAMME, some_rules(), work)
    assert [c.id for c in pool.mentors] == [mentor.id]
    assert [c.id for c in pool.mentees] == [mentee.id]
    assert pool.free == {mentor.id: 2}
