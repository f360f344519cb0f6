"""Matching's rules, as a programme manager reads them."""

from collections.abc import Mapping
from uuid import UUID

from tandem_kit.domain import Rule

Managers = Mapping[UUID, tuple[UUID, ...]]
"""The line manager and the functional manager of each person."""

run_in_progress = Rule(
    "run_in_progress",
    en="Another run of this programme is still being solved.",
    fr="Un autre calcul de ce programme est encore en cours.",
)
run_not_staged = Rule(
    "run_not_staged",
    en="Only a staged run can be published.",
    fr="Seul un calcul prêt à relire peut être publié.",
)
not_staged = Rule(
    "not_staged",
    en="The proposal was published already.",
    fr="La proposition a déjà été publiée.",
)
not_a_party = Rule(
    "not_a_party",
    en="Only the two people of a proposal can answer it.",
    fr="Seules les deux personnes concernées peuvent répondre à une proposition.",
)
no_longer_open = Rule(
    "no_longer_open",
    en="This proposal no longer waits for an answer.",
    fr="Cette proposition n'attend plus de réponse.",
)
not_your_pair = Rule(
    "not_your_pair",
    en="Only the two people of a pair can end it, or HR for them.",
    fr="Seules les deux personnes d'un binôme peuvent y mettre fin, ou les RH pour elles.",
)
pair_dissolved = Rule(
    "pair_dissolved",
    en="This pair has ended already.",
    fr="Ce binôme a déjà pris fin.",
)


def in_same_reporting_line(a: UUID, b: UUID, managers: Managers) -> bool:
    """One is above the other, at any distance, by line or functional manager.

    Source: AXA France pairs nobody within one hierarchical line.
    """
    return a in above(b, managers) or b in above(a, managers)


def above(person: UUID, managers: Managers) -> set[UUID]:
    """Return everybody above a person; a circle in the data ends where it began."""
    found: set[UUID] = set()
    waiting = list(managers.get(person, ()))
    while waiting:
        manager = waiting.pop()
        if manager not in found:
            found.add(manager)
            waiting += managers.get(manager, ())
    return found
