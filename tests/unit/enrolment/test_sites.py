import pytest

from tandem_enrolment.adapters.work import EnrolmentWork
from tandem_enrolment.application.commands.complete_checklist_item import CompleteChecklistItem
from tandem_enrolment.application.commands.open_site import OpenSite
from tandem_enrolment.application.commands.register_site import RegisterSite
from tandem_enrolment.domain.types import ChecklistItem
from tandem_kit.domain import Malformed, NotFound, RuleBroken
from tandem_kit.policy import Scope
from tandem_kit.testing.house import House
from tests.unit.enrolment.builders import LYON, a_person

Enrolment = House[EnrolmentWork]


async def test_a_site_opens_when_its_checklist_is_complete(enrolment: Enrolment) -> None:
    await enrolment.has(a_person())
    await enrolment.does(RegisterSite(LYON, "Lyon", "Europe/Paris"))
    for item in ChecklistItem:
        with pytest.raises(RuleBroken, match="checklist_incomplete"):
            await enrolment.does(OpenSite(LYON))
        await enrolment.does(CompleteChecklistItem(LYON, item))
    await enrolment.does(OpenSite(LYON))
    assert enrolment.told() == ["SiteRegistered", "SiteOpened"]


async def test_people_count_as_imported_only_when_somebody_works_at_the_site(enrolment: Enrolment) -> None:
    await enrolment.does(RegisterSite(LYON, "Lyon", "Europe/Paris"))
    with pytest.raises(RuleBroken, match="no_people_at_site"):
        await enrolment.does(CompleteChecklistItem(LYON, ChecklistItem.PEOPLE_IMPORTED))


async def test_a_site_needs_a_time_zone_that_exists(enrolment: Enrolment) -> None:
    with pytest.raises(Malformed, match="time_zone"):
        await enrolment.does(RegisterSite(LYON, "Lyon", "Europe/Lyon"))


async def test_hr_of_one_site_cannot_open_another(enrolment: Enrolment) -> None:
    await enrolment.does(RegisterSite(LYON, "Lyon", "Europe/Paris"))
    with pytest.raises(NotFound):
        await enrolment.does(CompleteChecklistItem(LYON, ChecklistItem.SUPPORT_NAMED), Scope(frozenset({"nantes"})))
