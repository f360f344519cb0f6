from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import ChecklistItem, SiteCode
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class ListSites:
    """Every site with its state."""


@dataclass(frozen=True, slots=True)
class ListedSite:
    id: SiteCode
    name: str
    time_zone: str
    open: bool
    done: tuple[ChecklistItem, ...]


@dataclass(frozen=True, slots=True)
class Sites:
    sites: tuple[ListedSite, ...]


async def list_sites(query: ListSites, work: Work, clock: Clock) -> Sites:
    sites = sorted(await work.sites.where(), key=lambda site: site.site)
    return Sites(tuple(ListedSite(s.site, s.name, s.time_zone, s.open, tuple(s.done)) for s in sites))
