from dataclasses import dataclass
from zoneinfo import available_timezones

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.site import Site
from tandem_enrolment.domain.types import SiteCode
from tandem_kit.domain import Clock, Malformed, Receipt, Rule, RuleBroken

unknown_time_zone = Rule(
    "unknown_time_zone",
    en="is not a name of the IANA time zone database, as Europe/Paris",
    fr="n'est pas un nom de la base IANA des fuseaux horaires, comme Europe/Paris",
)

# Read once: asked for each time, they are looked for on the disk.
_TIME_ZONES = available_timezones()


@dataclass(frozen=True, slots=True)
class RegisterSite:
    """Make a site known; registering it again changes nothing."""

    site: SiteCode
    name: str
    time_zone: str


async def register_site(command: RegisterSite, work: Work, clock: Clock) -> Receipt:
    if command.time_zone not in _TIME_ZONES:
        raise Malformed([("time_zone", RuleBroken(unknown_time_zone))])
    site = Site.register(command.site, command.name, command.time_zone)
    known = await work.sites.find(site.id)
    return work.receipt_for(known or work.sites.add(site))
