"""The report's queries. What a small group answered never leaves the database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tandem_feedback.application.report import IndicatorResult, Reach, Report, SiteReport, Verbatim
from tandem_feedback.domain.questionnaire import Question
from tandem_feedback.domain.rules import AGREES_FROM, MINIMUM_ANSWERS, MINIMUM_COMMENTS
from tandem_feedback.domain.types import ProgrammeId, SiteCode
from tandem_kit.messages import adapter

_QUESTIONS = text("SELECT questions FROM questionnaires WHERE programme_id = :programme")

# GROUPING SETS: one row for each site, and one (site NULL) for all.
_REACH = text("""
    WITH came AS (
        SELECT site, count(DISTINCT person_id) AS people
          FROM participations WHERE programme_id = :programme GROUP BY GROUPING SETS ((site), ())
    ), held AS (
        SELECT site,
               count(DISTINCT id) FILTER (WHERE format = 'one_to_one') AS one_to_one,
               count(DISTINCT id) FILTER (WHERE format = 'collective') AS collective,
               count(DISTINCT mentor) AS mentors
          FROM held_sessions LEFT JOIN LATERAL jsonb_array_elements_text(mentor_ids) AS mentor ON true
         WHERE programme_id = :programme GROUP BY GROUPING SETS ((site), ())
    ), sent AS (
        SELECT site, count(*) AS sent FROM invitations
         WHERE programme_id = :programme GROUP BY GROUPING SETS ((site), ())
    )
    SELECT site, coalesce(people, 0) AS people, coalesce(mentors, 0) AS mentors, coalesce(one_to_one, 0) AS one_to_one,
           coalesce(collective, 0) AS collective, coalesce(sent, 0) AS sent
      FROM (SELECT coalesce(site, '') AS key, * FROM held) AS held
      LEFT JOIN (SELECT coalesce(site, '') AS key, people FROM came) AS came USING (key)
      LEFT JOIN (SELECT coalesce(site, '') AS key, sent FROM sent) AS sent USING (key)
     ORDER BY site NULLS FIRST
""")

# A figure is shown from the minimum group on. Where one site of a question is below it, the smallest sites are held
# back together until they are at least two with at least the minimum between them: otherwise the figure held back
# would be what the shown ones leave of the total (the complement rule).
_GUARD = """
    , ranked AS (
        SELECT *,
               min(n) OVER (PARTITION BY question) AS smallest,
               row_number() OVER by_size AS place,
               coalesce(sum(n) OVER (by_size ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS smaller
          FROM counted WINDOW by_size AS (PARTITION BY question ORDER BY n, site)
    )
    SELECT site, question, n, agreed FROM ranked
     WHERE n >= :minimum AND (smallest >= :minimum OR (place > 2 AND smaller >= :minimum))
"""

_ANSWERED = """
    WITH answered AS (
        SELECT r.site, a.question, a.agreement
          FROM responses r
          JOIN questionnaires q ON q.id = r.questionnaire_id AND q.state = 'closed'
         CROSS JOIN jsonb_to_recordset(r.answers) AS a (question text, agreement int)
         WHERE r.programme_id = :programme AND a.agreement > 0
    )
"""

_BY_SITE = text(
    _ANSWERED
    + """, counted AS (
        SELECT site, question, count(*) AS n, count(*) FILTER (WHERE agreement >= :agrees) AS agreed
          FROM answered GROUP BY site, question
    )"""
    + _GUARD
)

_OVERALL = text(
    _ANSWERED
    + """
    SELECT question, count(*) AS n, count(*) FILTER (WHERE agreement >= :agrees) AS agreed
      FROM answered GROUP BY question HAVING count(*) >= :minimum
"""
)

_ANSWERS = text("""
    SELECT count(*) AS n FROM responses r
      JOIN questionnaires q ON q.id = r.questionnaire_id AND q.state = 'closed'
     WHERE r.programme_id = :programme HAVING count(*) >= :minimum
""")

_ANSWERS_BY_SITE = text(
    """WITH counted AS (
        SELECT r.site, '' AS question, count(*) AS n, 0 AS agreed
          FROM responses r JOIN questionnaires q ON q.id = r.questionnaire_id AND q.state = 'closed'
         WHERE r.programme_id = :programme GROUP BY r.site
    )"""
    + _GUARD
)

# In the order of the words, which tells nothing of the order in which they came.
_VERBATIMS = text("""
    WITH comments AS (
        SELECT a.question, a.comment, count(*) OVER (PARTITION BY a.question) AS n
          FROM responses r
          JOIN questionnaires q ON q.id = r.questionnaire_id AND q.state = 'closed'
         CROSS JOIN jsonb_to_recordset(r.answers) AS a (question text, comment text)
         WHERE r.programme_id = :programme AND a.comment IS NOT NULL
    )
    SELECT question, comment FROM comments WHERE n >= :minimum ORDER BY question, comment
""")


class SqlReports:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, programme: ProgrammeId) -> Report:
        given = {"programme": programme, "minimum": MINIMUM_ANSWERS}
        asked = await self._connection.scalar(_QUESTIONS, {"programme": programme})
        questions = [adapter(Question).validate_python(question) for question in asked or ()]
        questions = [question for question in questions if question.agreement]
        overall = {row.question: row for row in await self._rows(_OVERALL, given | {"agrees": AGREES_FROM})}
        by_site = {(row.site, row.question): row for row in await self._rows(_BY_SITE, given | {"agrees": AGREES_FROM})}
        answers = await self._connection.scalar(_ANSWERS, given)
        answers_by_site = {row.site: row.n for row in await self._rows(_ANSWERS_BY_SITE, given)}
        reach = {row.site: row for row in await self._rows(_REACH, {"programme": programme})}
        comments = await self._rows(_VERBATIMS, {"programme": programme, "minimum": MINIMUM_COMMENTS})
        return Report(
            reach=_reach(reach.get(None), answers),
            indicators=tuple(_indicator(question, overall.get(question.code)) for question in questions),
            sites=tuple(
                SiteReport(
                    SiteCode(site),
                    _reach(row, answers_by_site.get(site)),
                    tuple(_indicator(question, by_site.get((site, question.code))) for question in questions),
                )
                for site, row in reach.items()
                if site is not None
            ),
            verbatims=tuple(Verbatim(row.question, row.comment) for row in comments),
        )

    async def _rows(self, query: Any, given: Mapping[str, Any]) -> list[Any]:
        return list(await self._connection.execute(query, given))


def _reach(row: Any, answers: int | None) -> Reach:
    if row is None:
        return Reach(0, 0, 0, 0, 0, answers)
    return Reach(row.people, row.mentors, row.one_to_one, row.collective, row.sent, answers)


def _indicator(question: Question, row: Any) -> IndicatorResult:
    return IndicatorResult(question.code, question.text, row and row.n, row and row.agreed)
