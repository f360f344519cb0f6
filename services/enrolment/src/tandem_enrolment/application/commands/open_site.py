from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import SiteCode, site_id
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class OpenSite:
    """Open a site whose checklist is complete."""

    site: SiteCode


async def open_site(command: OpenSite, work: Work, clock: Clock) -> Receipt:
    site = await work.sites.get(site_id(command.site))
    site.open_to_people()
    return work.receipt_for(site)
