"""Who may do what, decided by pure functions; whatever is not allowed is denied."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What somebody may be in Tandem. A person with a token is an employee; the other roles are granted."""

    EMPLOYEE = "employee"
    INTERNAL_TRAINER = "internal_trainer"
    SITE_HR = "site_hr"
    PROGRAMME_MANAGER = "programme_manager"
    SRE = "sre"
    AUDITOR = "auditor"
    SERVICE = "service"
    SUBSCRIBER = "subscriber"
    """Another system of the company, which follows the events."""
    ANYONE = "anyone"
    """Not a role: a call that needs no caller at all."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, at one site or (None) at all of them."""

    role: Role
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a person (an employee with their grants) or a service."""

    name: str
    """The subject of the token."""
    person: UUID | None = None
    grants: frozenset[Grant] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Scope:
    """The sites that a caller may see and change; None is all of them."""

    sites: frozenset[str] | None = None

    def allows(self, site: str) -> bool:
        return self.sites is None or site in self.sites


EVERYWHERE = Scope()


@dataclass(frozen=True, slots=True)
class Hat:
    """In what capacity a caller may do something, and where."""

    scope: Scope
    for_themself: bool = False
    """As the employee they are: whether they are a party is the domain's to say, so no site limits them."""


def hats_of(caller: Caller, allowed: Collection[Role]) -> list[Hat]:
    """Return the capacities in which the caller may do what is allowed to these roles: granted roles, then themself."""
    held = [grant for grant in caller.grants if grant.role in allowed]
    sites = [grant.site for grant in held if grant.role is not Role.EMPLOYEE]
    hats = []
    if sites:
        hats.append(Hat(Scope(None if None in sites else frozenset(site for site in sites if site is not None))))
    if len(held) > len(sites):
        hats.append(Hat(EVERYWHERE, for_themself=True))
    return hats
