from dataclasses import dataclass, replace

from tandem_feedback.application.ports import Work
from tandem_feedback.application.report import Report
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class GetReport:
    """What the programme reached, overall and by site.

    Whoever manages some sites alone sees the whole beside theirs, and nobody's words: those name no site.
    """

    programme_id: ProgrammeId


async def get_report(query: GetReport, work: Work, clock: Clock) -> Report:
    report = await work.reports.of(query.programme_id)
    if work.scope.sites is None:
        return report
    return replace(report, sites=tuple(s for s in report.sites if work.scope.allows(s.site)), verbatims=())
