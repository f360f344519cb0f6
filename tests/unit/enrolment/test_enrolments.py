import pytest

from tandem_enrolment.adapters.work import EnrolmentWork
from tandem_enrolment.application.commands.certify_mentor import CertifyMentor
from tandem_enrolment.application.commands.enrol_as_mentee import EnrolAsMentee
from tandem_enrolment.application.commands.enrol_as_mentor import EnrolAsMentor
from tandem_enrolment.application.commands.record_briefing import RecordBriefing
from tandem_enrolment.application.commands.record_training import RecordTraining
from tandem_enrolment.application.commands.withdraw import Withdraw
from tandem_enrolment.application.queries.check_pair import CheckPair, PairCheck
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.programme import Programme, ProgrammeState
from tandem_enrolment.domain.site import Site
from tandem_enrolment.domain.types import (
    CareerStage,
    EnrolmentId,
    PersonId,
    ProgrammeId,
    Topic,
    TrainingPart,
    site_id,
)
from tandem_kit.domain import RuleBroken
from tandem_kit.testing.house import House
from tests.unit.enrolment.builders import LYON, a_person, a_programme, an_executive, an_open_site, person_id

Enrolment = House[EnrolmentWork]


def volunteering_as_mentor(programme: Programme, person: Person, capacity: int = 4) -> EnrolAsMentor:
    return EnrolAsMentor(ProgrammeId(programme.id), person_id(person), (Topic("first", 3),), capacity, ("fr",), ())


def volunteering_as_mentee(programme: Programme, person: Person) -> EnrolAsMentee:
    return EnrolAsMentee(ProgrammeId(programme.id), person_id(person), (Topic("first", 2),), ("fr",), ())


async def test_a_volunteer_enrols_as_mentor(enrolment: Enrolment) -> None:
    programme, person = a_programme(), a_person()
    await enrolment.has(programme, person, an_open_site())
    receipt = await enrolment.does(volunteering_as_mentor(programme, person))
    assert receipt.version == 1
    assert enrolment.told() == ["MentorEnrolled"]


async def test_nobody_enrols_before_their_site_has_opened(enrolment: Enrolment) -> None:
    programme, person = a_programme(), a_person()
    site = Site(id=site_id(LYON), site=LYON, name="Lyon", time_zone="Europe/Paris")
    await enrolment.has(programme, person, site)
    with pytest.raises(RuleBroken, match="site_not_open"):
        await enrolment.does(volunteering_as_mentor(programme, person))


@pytest.mark.parametrize("state", [ProgrammeState.CREATED, ProgrammeState.ENDED])
async def test_nobody_enrols_in_a_programme_that_is_not_open(enrolment: Enrolment, state: ProgrammeState) -> None:
    programme, person = a_programme(state=state), a_person()
    await enrolment.has(programme, person, an_open_site())
    with pytest.raises(RuleBroken, match="programme_not_open"):
        await enrolment.does(volunteering_as_mentor(programme, person))


async def test_a_mentor_is_at_a_career_stage_of_the_blueprint(enrolment: Enrolment) -> None:
    programme, person = a_programme(), a_person(career_stage=CareerStage.SENIOR)
    await enrolment.has(programme, person, an_open_site())
    with pytest.raises(RuleBroken, match="career_stage_not_eligible"):
        await enrolment.does(volunteering_as_mentor(programme, person))


async def test_a_mentee_is_in_a_grade_band_of_the_blueprint(enrolment: Enrolment) -> None:
    programme, person = a_programme(), a_person()
    await enrolment.has(programme, person, an_open_site())
    with pytest.raises(RuleBroken, match="grade_band_not_eligible"):
        await enrolment.does(volunteering_as_mentee(programme, person))


async def test_a_mentor_takes_no_more_mentees_than_the_blueprint_allows(enrolment: Enrolment) -> None:
    programme, person = a_programme(), a_person()
    await enrolment.has(programme, person, an_open_site())
    with pytest.raises(RuleBroken, match="capacity_too_large"):
        await enrolment.does(volunteering_as_mentor(programme, person, capacity=5))


async def test_a_person_enrols_once_in_a_role(enrolment: Enrolment) -> None:
    programme, person = a_programme(), a_person()
    await enrolment.has(programme, person, an_open_site())
    await enrolment.does(volunteering_as_mentor(programme, person))
    with pytest.raises(RuleBroken, match="already_enrolled"):
        await enrolment.does(volunteering_as_mentor(programme, person))


async def test_a_mentor_is_certified_after_content_and_posture(enrolment: Enrolment) -> None:
    programme, person = a_programme(), a_person()
    await enrolment.has(programme, person, an_open_site())
    key = EnrolmentId((await enrolment.does(volunteering_as_mentor(programme, person))).id)
    for part in (TrainingPart.CONTENT, TrainingPart.POSTURE):
        with pytest.raises(RuleBroken, match="training_incomplete"):
            await enrolment.does(CertifyMentor(key))
        await enrolment.does(RecordTraining(key, part))
    await enrolment.does(CertifyMentor(key))
    assert enrolment.told()[-1] == "MentorCertified"


async def test_leaving_costs_nothing_and_lets_one_come_back(enrolment: Enrolment) -> None:
    programme, person = a_programme(), a_person()
    await enrolment.has(programme, person, an_open_site())
    key = EnrolmentId((await enrolment.does(volunteering_as_mentor(programme, person))).id)
    await enrolment.does(Withdraw(key, by=person_id(person)))
    await enrolment.does(volunteering_as_mentor(programme, person))
    assert enrolment.told() == ["MentorEnrolled", "EnrolmentWithdrawn", "MentorEnrolled"]


async def test_nobody_takes_another_person_out_of_a_programme(enrolment: Enrolment) -> None:
    programme, person, other = a_programme(), a_person(), a_person()
    await enrolment.has(programme, person, other, an_open_site())
    key = EnrolmentId((await enrolment.does(volunteering_as_mentor(programme, person))).id)
    with pytest.raises(RuleBroken, match="not_your_enrolment"):
        await enrolment.does(Withdraw(key, by=person_id(other)))
    await enrolment.does(Withdraw(key, by=None))
    assert enrolment.told()[-1] == "EnrolmentWithdrawn"


async def ready(enrolment: Enrolment, programme: Programme, mentor: Person, mentee: Person) -> None:
    mentoring = EnrolmentId((await enrolment.does(volunteering_as_mentor(programme, mentor))).id)
    for part in TrainingPart:
        await enrolment.does(RecordTraining(mentoring, part))
    await enrolment.does(CertifyMentor(mentoring))
    learning = EnrolmentId((await enrolment.does(volunteering_as_mentee(programme, mentee))).id)
    await enrolment.does(RecordBriefing(learning))


async def test_a_certified_mentor_and_a_briefed_mentee_may_be_paired(enrolment: Enrolment) -> None:
    programme, mentor, mentee = a_programme(), a_person(), an_executive()
    await enrolment.has(programme, mentor, mentee, an_open_site())
    await ready(enrolment, programme, mentor, mentee)
    check = await enrolment.does(CheckPair(ProgrammeId(programme.id), person_id(mentor), person_id(mentee)))
    assert check == PairCheck(eligible=True, broken_rules=())


@pytest.mark.parametrize("line", ["manager_id", "functional_manager_id"])
async def test_two_people_of_one_reporting_line_may_not_be_paired(enrolment: Enrolment, line: str) -> None:
    programme, mentee = a_programme(), an_executive()
    between = a_person(**{line: PersonId(mentee.id)})
    mentor = a_person(manager_id=PersonId(between.id))
    await enrolment.has(programme, mentor, between, mentee, an_open_site())
    await ready(enrolment, programme, mentor, mentee)
    check = await enrolment.does(CheckPair(ProgrammeId(programme.id), person_id(mentor), person_id(mentee)))
    assert check == PairCheck(eligible=False, broken_rules=("same_reporting_line",))


async def test_people_who_have_not_enrolled_may_not_be_paired(enrolment: Enrolment) -> None:
    programme, mentor, mentee = a_programme(), a_person(), an_executive()
    await enrolment.has(programme, mentor, mentee, an_open_site())
    check = await enrolment.does(CheckPair(ProgrammeId(programme.id), person_id(mentor), person_id(mentee)))
    assert check.broken_rules == ("not_enrolled", "not_enrolled")
