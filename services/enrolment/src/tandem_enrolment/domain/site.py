"""A place of the company, and its opening."""

from dataclasses import dataclass, field
from typing import Self

from tandem_enrolment.domain.rules import checklist_incomplete
from tandem_enrolment.domain.types import ChecklistItem, SiteCode, site_id
from tandem_kit.domain import Aggregate, refuse_unless


@dataclass(frozen=True, slots=True)
class SiteRegistered:
    site: SiteCode
    time_zone: str


@dataclass(frozen=True, slots=True)
class SiteOpened:
    site: SiteCode


@dataclass(kw_only=True)
class Site(Aggregate):
    """Opened by people when its checklist is met."""

    site: SiteCode
    name: str
    time_zone: str
    done: list[ChecklistItem] = field(default_factory=list)
    open: bool = False

    @classmethod
    def register(cls, code: SiteCode, name: str, time_zone: str) -> Self:
        site = cls(id=site_id(code), site=code, name=name, time_zone=time_zone)
        site.record(SiteRegistered(code, time_zone))
        return site

    def complete(self, item: ChecklistItem) -> None:
        """Tick an item; ticking it twice changes nothing."""
        if item not in self.done:
            self.done.append(item)

    def open_to_people(self) -> None:
        """Open the site; opening it twice changes nothing."""
        if self.open:
            return
        missing = [item for item in ChecklistItem if item not in self.done]
        refuse_unless(not missing, checklist_incomplete, missing=", ".join(missing))
        self.open = True
        self.record(SiteOpened(self.site))
