"""Act one: sites open, the programme opens, mentors are trained, executives are briefed."""

from collections.abc import Awaitable, Sequence

from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1 import types_pb2 as types
from tandem.enrolment.v1.blueprint_pb2 import Blueprint
from tandem_cli.client import Client
from tandem_cli.demo.cast import Actor, topics_of
from tandem_cli.demo.stage import Stage
from tandem_cli.people.sites import Place
from tandem_kit.policy import Role

_ITEMS = [
    types.CHECKLIST_ITEM_PEOPLE_IMPORTED,
    types.CHECKLIST_ITEM_WORKS_COUNCIL_CONSULTED,
    types.CHECKLIST_ITEM_NOTICE_PUBLISHED,
    types.CHECKLIST_ITEM_SUPPORT_NAMED,
]


async def register_sites(client: Client, places: Sequence[Place]) -> None:
    for place in places:
        await client.enrolment.RegisterSite(
            pb.RegisterSiteRequest(site=place.code, name=place.name, time_zone=place.time_zone),
            metadata=client.staff(Role.PROGRAMME_MANAGER),
        )


async def open_site(client: Client, site: str) -> None:
    """Do what the checklist asks, then open."""
    hr = client.staff(Role.SITE_HR, site)
    for item in _ITEMS:
        await client.enrolment.CompleteChecklistItem(pb.CompleteChecklistItemRequest(site=site, item=item), metadata=hr)
    await client.enrolment.OpenSite(pb.OpenSiteRequest(site=site), metadata=hr)


async def open_programme(client: Client, blueprint: Blueprint) -> str:
    """Create and open the programme; return its id."""
    manager = client.staff(Role.PROGRAMME_MANAGER)
    made = await client.enrolment.CreateProgramme(pb.CreateProgrammeRequest(blueprint=blueprint), metadata=manager)
    await client.enrolment.OpenProgramme(pb.OpenProgrammeRequest(programme_id=made.id), metadata=manager)
    return made.id


async def enrol_mentors(stage: Stage, mentors: Sequence[Actor]) -> None:
    """Volunteers enrol in turn (first come, first served), then an internal trainer trains and certifies them."""
    enrolled = await stage.in_turn(
        stage.words.of("enrolling_mentors"), lambda mentor: _volunteer_as_mentor(stage, mentor), mentors
    )
    trainer = stage.client.staff(Role.INTERNAL_TRAINER)

    async def train(enrolled: pb.EnrolAsMentorResponse) -> None:
        enrolment = enrolled.id
        for part in (types.TRAINING_PART_CONTENT, types.TRAINING_PART_POSTURE):
            await stage.client.enrolment.RecordTraining(
                pb.RecordTrainingRequest(enrolment_id=enrolment, part=part), metadata=trainer
            )
        await stage.client.enrolment.CertifyMentor(pb.CertifyMentorRequest(enrolment_id=enrolment), metadata=trainer)

    await stage.together(stage.words.of("training"), train, enrolled)
    stage.say("mentors", count=len(enrolled))


def _volunteer_as_mentor(stage: Stage, mentor: Actor) -> Awaitable[pb.EnrolAsMentorResponse]:
    return stage.client.enrolment.EnrolAsMentor(
        pb.EnrolAsMentorRequest(
            programme_id=stage.programme,
            topics=topics_of(mentor, stage.modules, stage.chance, 4),
            # Most take as many as the blueprint allows.
            capacity=stage.chance.of("capacity", mentor.reference).choice([3, 4, 4, 4, 4]),
            languages=mentor.languages,
            availability=[types.Availability(weekday=2, from_minute=9 * 60, to_minute=18 * 60)],
        ),
        metadata=stage.client.person(mentor.id),
    )


async def enrol_executives(stage: Stage, executives: Sequence[Actor]) -> dict[str, str]:
    """Executives volunteer in turn and are briefed; return the enrolment of each person by id."""
    service, hr = stage.client.enrolment, stage.client.staff(Role.SITE_HR, executives[0].hris.site)

    def volunteer(executive: Actor) -> Awaitable[pb.EnrolAsMenteeResponse]:
        return service.EnrolAsMentee(
            pb.EnrolAsMenteeRequest(
                programme_id=stage.programme,
                topics=topics_of(executive, stage.modules, stage.chance, 3),
                languages=executive.languages,
            ),
            metadata=stage.client.person(executive.id),
        )

    def brief(enrolled: pb.EnrolAsMenteeResponse) -> Awaitable[pb.RecordBriefingResponse]:
        return service.RecordBriefing(pb.RecordBriefingRequest(enrolment_id=enrolled.id), metadata=hr)

    enrolled = await stage.in_turn(stage.words.of("enrolling_executives"), volunteer, executives)
    await stage.together(stage.words.of("briefing"), brief, enrolled)
    stage.say("executives", count=len(enrolled))
    return {executive.id: answer.id for executive, answer in zip(executives, enrolled, strict=True)}
