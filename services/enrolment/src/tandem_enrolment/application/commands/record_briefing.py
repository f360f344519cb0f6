from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import EnrolmentId
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class RecordBriefing:
    """A mentee was told what is expected of them: be open, be kind."""

    enrolment_id: EnrolmentId


async def record_briefing(command: RecordBriefing, work: Work, clock: Clock) -> Receipt:
    enrolment = await work.enrolments.get(command.enrolment_id)
    enrolment.brief()
    return work.receipt_for(enrolment)
