"""Small groups are held back by the query itself, however the answers fall."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tandem_feedback.adapters.reports import SqlReports
from tandem_feedback.adapters.tables import metadata
from tandem_feedback.application.queries.get_report import GetReport, get_report
from tandem_feedback.application.report import Report
from tandem_feedback.domain.questionnaire import QuestionnaireState
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.migrations import migrate
from tandem_kit.policy import Scope
from tandem_kit.postgres import PostgresDatabase, make_engine
from tandem_kit.testing.clock import FixedClock
from tests.conftest import Databases


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[PostgresDatabase]:
    async with databases.new() as url:
        await asyncio.to_thread(migrate, "feedback", url)
        engine = make_engine(url, 2)
        yield PostgresDatabase(engine, metadata)
        await engine.dispose()


async def report_of(
    database: PostgresDatabase,
    answers: dict[str, list[int]],
    comments: int = 0,
    state: QuestionnaireState = QuestionnaireState.CLOSED,
) -> Report:
    """Keep the answers (steps of agreement by site), ask for the report, and forget both."""
    programme, questionnaire = ProgrammeId(uuid4()), uuid4()
    question = {"code": "recommend", "kind": "agreement", "text": {"en": "?", "fr": "?"}}
    tables = metadata.tables
    async with database.engine.connect() as connection:
        await connection.execute(
            tables["questionnaires"]
            .insert()
            .values(id=questionnaire, version=1, programme_id=programme, questions=[question], state=state)
        )
        number = 0
        for site, steps in answers.items():
            for step in steps:
                number += 1
                given = [{"question": "recommend", "agreement": step, "comment": None}]
                if number <= comments:
                    given.append({"question": "words", "agreement": 0, "comment": f"comment {number}"})
                await connection.execute(
                    tables["responses"]
                    .insert()
                    .values(
                        id=uuid4(),
                        questionnaire_id=questionnaire,
                        programme_id=programme,
                        site=site,
                        answered_on=date(2026, 1, 5),
                        answers=given,
                    )
                )
            await connection.execute(
                tables["held_sessions"]
                .insert()
                .values(id=uuid4(), programme_id=programme, site=site, format="collective", mentor_ids=[])
            )
        report = await SqlReports(connection).of(programme)
        await connection.rollback()
    return report


def shown(report: Report) -> dict[str, tuple[int | None, int | None]]:
    return {str(s.site): (s.indicators[0].answers, s.indicators[0].agreed) for s in report.sites}


async def test_figures_are_shares_of_the_two_upper_steps(database: PostgresDatabase) -> None:
    report = await report_of(database, {"lyon": [1, 2, 3, 4, 4], "nice": [4, 4, 4, 4, 1]})
    assert shown(report) == {"lyon": (5, 3), "nice": (5, 4)}
    assert (report.indicators[0].answers, report.indicators[0].agreed) == (10, 7)


async def test_four_answers_are_not_shown_and_five_are(database: PostgresDatabase) -> None:
    assert (await report_of(database, {"lyon": [4] * 4})).indicators[0].answers is None
    assert (await report_of(database, {"lyon": [4] * 5})).indicators[0].answers == 5


async def test_a_small_group_hides_the_next_one_so_that_it_cannot_be_reckoned(database: PostgresDatabase) -> None:
    report = await report_of(database, {"lyon": [4] * 3, "nice": [4] * 6, "brest": [4] * 9})
    assert shown(report) == {"lyon": (None, None), "nice": (None, None), "brest": (9, 9)}
    assert {str(s.site): s.reach.answers for s in report.sites} == {"lyon": None, "nice": None, "brest": 9}


async def test_two_tiny_groups_hide_a_third_until_five_people_hide(database: PostgresDatabase) -> None:
    report = await report_of(database, {"a": [4], "b": [4], "c": [4] * 7, "d": [4] * 8})
    assert shown(report) == {"a": (None, None), "b": (None, None), "c": (None, None), "d": (8, 8)}


async def test_whoever_manages_one_site_sees_it_beside_the_whole(database: PostgresDatabase) -> None:
    whole = await report_of(database, {"lyon": [4] * 5, "nice": [4] * 5}, comments=10)

    class Reports:
        async def of(self, _: ProgrammeId) -> Report:
            return whole

    class OfLyon:
        scope = Scope(frozenset({"lyon"}))
        reports = Reports()

    report = await get_report(GetReport(ProgrammeId(uuid4())), cast("Any", OfLyon()), FixedClock())
    assert shown(report) == {"lyon": (5, 5)}
    assert report.indicators == whole.indicators
    assert (len(whole.verbatims), report.verbatims) == (10, ())


async def test_nothing_is_told_before_the_questionnaire_is_closed(database: PostgresDatabase) -> None:
    report = await report_of(database, {"lyon": [4] * 50}, comments=20, state=QuestionnaireState.OPEN)
    assert report.indicators[0].answers is None
    assert report.verbatims == ()
    assert report.reach.answers is None


@pytest.mark.parametrize(("comments", "told"), [(9, 0), (10, 10)])
async def test_comments_are_shown_from_ten_on_and_in_no_order_of_time(
    database: PostgresDatabase, comments: int, told: int
) -> None:
    report = await report_of(database, {"lyon": [4] * 30}, comments=comments)
    assert len(report.verbatims) == told
    assert [v.comment for v in report.verbatims] == sorted(v.comment for v in report.verbatims)


groups = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "e"]), st.lists(st.integers(1, 4), min_size=1, max_size=8), max_size=5
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups)
def test_whatever_the_groups_what_is_hidden_is_never_one_group_nor_fewer_than_five_people(
    postgres: str, groups: dict[str, list[int]]
) -> None:
    async def check() -> None:
        async with Databases(postgres).new() as url:
            engine = make_engine(url, 1)
            async with engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
            report = await report_of(PostgresDatabase(engine, metadata), groups)
            await engine.dispose()
        figures = shown(report)
        hidden = [site for site, (answers, _) in figures.items() if answers is None]
        assert all(answers is None or answers >= 5 for answers, _ in figures.values())
        if report.indicators[0].answers is not None and hidden and len(hidden) < len(groups):
            # What the total leaves when all that is shown is taken away.
            assert len(hidden) >= 2
            assert sum(len(groups[site]) for site in hidden) >= 5

    asyncio.run(check())
