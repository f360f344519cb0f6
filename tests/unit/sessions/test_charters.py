from datetime import timedelta

import pytest

from tandem_kit.domain import RuleBroken
from tandem_sessions.application.commands.end_pair import EndPair
from tandem_sessions.application.commands.propose_objectives import ProposeObjectives
from tandem_sessions.application.commands.sign_charter import SignCharter
from tandem_sessions.domain.types import PairId
from tests.unit.sessions.builders import Sessions, a_charter, a_meeting, a_person, a_running_programme


async def test_a_pair_meets_only_once_both_have_signed_their_charter(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter(signed=False)
    await sessions.has(charter)
    pair, tomorrow = PairId(charter.id), sessions.clock.now() + timedelta(days=1)

    with pytest.raises(RuleBroken, match="no_objectives"):
        await sessions.does(SignCharter(pair, by=charter.mentee_id))
    await sessions.does(ProposeObjectives(pair, by=charter.mentee_id, objectives=("Publish once a week",)))
    for person in (charter.mentee_id, charter.mentor_id):
        with pytest.raises(RuleBroken, match="charter_not_signed"):
            await sessions.does(a_meeting(charter, tomorrow))
        await sessions.does(SignCharter(pair, by=person))

    await sessions.does(a_meeting(charter, tomorrow))
    assert sessions.told() == ["CharterSigned", "SessionScheduled"]


async def test_new_objectives_have_to_be_signed_again(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    await sessions.does(ProposeObjectives(PairId(charter.id), by=charter.mentor_id, objectives=("Another",)))
    with pytest.raises(RuleBroken, match="charter_not_signed"):
        await sessions.does(a_meeting(charter, sessions.clock.now() + timedelta(days=1)))


async def test_a_pair_writes_as_many_objectives_as_the_blueprint_says(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    with pytest.raises(RuleBroken, match="number_of_objectives"):
        await sessions.does(ProposeObjectives(PairId(charter.id), by=charter.mentor_id, objectives=("One",) * 4))


async def test_nobody_else_signs_a_charter(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    with pytest.raises(RuleBroken, match="not_of_the_pair"):
        await sessions.does(SignCharter(PairId(charter.id), by=a_person()))


async def test_the_end_of_a_pair_calls_its_sessions_off(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    tomorrow = sessions.clock.now() + timedelta(days=1)
    await sessions.does(a_meeting(charter, tomorrow))
    sessions.facts()
    await sessions.does(EndPair(PairId(charter.id)))
    assert sorted(sessions.told()) == ["CharterClosed", "SessionCancelled"]
    with pytest.raises(RuleBroken, match="charter_closed"):
        await sessions.does(a_meeting(charter, tomorrow))


async def test_a_session_that_took_place_stays_when_the_pair_ends(sessions: Sessions) -> None:
    await a_running_programme(sessions)
    charter = a_charter()
    await sessions.has(charter)
    await sessions.does(a_meeting(charter, sessions.clock.now() + timedelta(days=1)))
    sessions.clock.advance(timedelta(days=2))
    sessions.facts()
    await sessions.does(EndPair(PairId(charter.id)))
    assert sessions.told() == ["CharterClosed"]
