from dataclasses import dataclass

from tandem_feedback.application.ports import Work
from tandem_feedback.application.report import Report
from tandem_feedback.domain.types import ProgrammeId
from tandem_kit.domain import Clock


@dataclass(frozen=True, slots=True)
class GetReport:
    """What the programme reached, overall and by site."""

    programme_id: ProgrammeId


async def get_report(query: GetReport, work: Work, clock: Clock) -> Report:
    return await work.reports.of(query.programme_id)
