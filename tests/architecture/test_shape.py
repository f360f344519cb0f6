"""Same file names in every service; projections touch facts alone; a canvas tells what is there."""

import re
from typing import get_type_hints

import pytest

from tandem_cli.settings import ROOT
from tandem_cli.topics import declared_topics
from tests.contract.test_contracts import METHODS, SUBSCRIPTIONS, TOPICS

SERVICES = ("enrolment", "matching", "sessions", "feedback")
EXPECTED = {
    "README.md",
    "pyproject.toml",
    "migrations/env.py",
    *(
        f"src/tandem_{{name}}/{file}"
        for file in (
            "__main__.py",
            "bootstrap.py",
            "settings.py",
            "domain/types.py",
            "domain/rules.py",
            "application/ports.py",
            "adapters/tables.py",
            "adapters/work.py",
            "adapters/events.py",
            "entrypoints/grpc_server.py",
        )
    ),
}


@pytest.mark.parametrize("service", SERVICES)
def test_the_same_files_are_in_every_service(service: str) -> None:
    folder = ROOT / "services" / service
    assert [f for f in EXPECTED if not (folder / f.format(name=service)).exists()] == []


@pytest.mark.parametrize("service", SUBSCRIPTIONS)
def test_a_projection_is_given_facts_and_nothing_else(service: str) -> None:
    for handlers in SUBSCRIPTIONS[service].projections.values():
        for handler in handlers:
            given = list(get_type_hints(handler).values())[2]
            assert given.__name__ == "Facts"
            assert given.__module__ == f"tandem_{service}.application.ports"


@pytest.mark.parametrize("service", SERVICES)
def test_the_canvas_names_every_method_and_topic_and_no_other(service: str) -> None:
    canvas = (ROOT / "services" / service / "README.md").read_text()
    methods = {method.name for method in METHODS[service][1]}
    assert set(re.findall(r"^\| `([A-Z]\w+)` \|", canvas, re.MULTILINE)) == methods
    published = {name for name, _ in TOPICS[service].topics.values()}
    read = SUBSCRIPTIONS[service].topics if service in SUBSCRIPTIONS else set()
    named = set(re.findall(r"`(tandem\.[a-z.-]+\.v1)`", canvas))
    assert named == published | read


def test_the_glossary_has_the_word_of_every_aggregate() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    for topics in TOPICS.values():
        for aggregate in topics.topics:
            assert f"`{aggregate.__name__}`" in glossary, aggregate.__name__


def test_every_topic_says_what_it_carries() -> None:
    assert all(topic.description for topic in declared_topics())
