from dataclasses import dataclass

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.types import EnrolmentId, TrainingPart
from tandem_kit.domain import Clock, Receipt


@dataclass(frozen=True, slots=True)
class RecordTraining:
    """A trainer saw a mentor through one part of the training."""

    enrolment_id: EnrolmentId
    part: TrainingPart


async def record_training(command: RecordTraining, work: Work, clock: Clock) -> Receipt:
    enrolment = await work.enrolments.get(command.enrolment_id)
    enrolment.train(command.part)
    return work.receipt_for(enrolment)
