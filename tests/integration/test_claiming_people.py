"""A leaver and a pair that forms at the same moment: whoever comes second sees the first."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy.exc import DBAPIError

from tandem_kit.postgres import PostgresDatabase
from tandem_kit.testing.clock import FixedClock
from tandem_kit.work import Works
from tandem_matching.adapters.events import TOPICS
from tandem_matching.adapters.work import MatchingWork
from tandem_matching.application.commands.form_pair import FormPair, form_pair
from tandem_matching.application.commands.release_candidate import ReleaseCandidate, release_candidate
from tandem_matching.application.ports import PairCheck
from tandem_matching.domain.proposal import Proposal, ProposalState
from tandem_matching.domain.types import EnrolmentId, ProposalId
from tests.unit.matching.builders import a_mentee, a_mentor, a_proposal

ROUNDS = 25


async def test_a_pair_never_outlives_somebody_who_left_while_it_formed(matching_database: PostgresDatabase) -> None:
    clock = FixedClock()
    works = Works(MatchingWork, matching_database, clock, TOPICS)
    outcomes = set()
    for turn in range(ROUNDS):
        mentor, mentee = a_mentor(), a_mentee()
        proposal = a_proposal(mentor, mentee, state=ProposalState.ACCEPTED)
        async with works.begin() as work:
            work.candidates.add(mentor)
            work.candidates.add(mentee)
            work.proposals.add(proposal)

        forming = FormPair(ProposalId(proposal.id), PairCheck(eligible=True, broken_rules=()))
        leaver_id = EnrolmentId(mentor.id)

        async def pair(forming: FormPair = forming, turn: int = turn) -> None:
            await asyncio.sleep(0.0005 * (turn % 5))
            async with works.begin() as work:
                await form_pair(forming, work, clock)

        async def leave(leaver: EnrolmentId = leaver_id) -> None:
            async with works.begin() as work:
                candidate = await work.candidates.get(leaver)
                candidate.withdrawn = True
                await release_candidate(ReleaseCandidate(leaver), work, clock)

        # A deadlock between the two is a fault that the kit tries again; here each does so itself.
        await asyncio.gather(until_done(pair), until_done(leave))
        async with works.read() as work:
            left = (await work.proposals.get(proposal.id)).state
            pairs = await work.pairs.where(mentor_id=mentor.person_id)
        assert left in {ProposalState.WITHDRAWN, ProposalState.PAIRED}
        assert all(pair_.dissolved for pair_ in pairs)
        outcomes.add((left, len(pairs)))
    assert outcomes <= {(ProposalState.WITHDRAWN, 0), (ProposalState.PAIRED, 1)}


async def test_two_pairs_that_form_at_once_never_exceed_a_mentors_capacity(
    matching_database: PostgresDatabase,
) -> None:
    clock = FixedClock()
    works = Works(MatchingWork, matching_database, clock, TOPICS)
    for _ in range(ROUNDS):
        mentor, mentees = a_mentor(capacity=1), [a_mentee(), a_mentee()]
        proposals = [a_proposal(mentor, mentee, state=ProposalState.ACCEPTED) for mentee in mentees]
        async with works.begin() as work:
            for candidate in (mentor, *mentees):
                work.candidates.add(candidate)
            for proposal in proposals:
                work.proposals.add(proposal)

        async def form(proposal: Proposal) -> None:
            async with works.begin() as work:
                check = PairCheck(eligible=True, broken_rules=())
                await form_pair(FormPair(ProposalId(proposal.id), check), work, clock)

        await asyncio.gather(*(until_done(partial(form, proposal)) for proposal in proposals))
        async with works.read() as work:
            assert len(await work.pairs.where(mentor_id=mentor.person_id)) == 1


async def until_done(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except DBAPIError:
            continue
        else:
            return
