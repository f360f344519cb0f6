from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.rules import no_people_at_site
from tandem_enrolment.domain.types import ChecklistItem, SiteCode, site_id
from tandem_kit.domain import Clock, Receipt, refuse_unless


@dataclass(frozen=True, slots=True)
class CompleteChecklistItem:
    """Tick one item of a site's opening checklist."""

    site: SiteCode
    item: ChecklistItem


async def complete_checklist_item(command: CompleteChecklistItem, work: Work, clock: Clock) -> Receipt:
    site = await work.sites.get(site_id(command.site))
    if command.item is ChecklistItem.PEOPLE_IMPORTED:
        refuse_unless(await work.people.exists(workplace=site.site, active=True), no_people_at_site)
    site.complete(command.item)
    return work.receipt_for(site)
