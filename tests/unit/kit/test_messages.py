from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from tandem.enrolment.v1 import events_pb2
from tandem.enrolment.v1 import service_pb2 as pb
from tandem.enrolment.v1 import types_pb2 as types
from tandem.sessions.v1 import service_pb2 as sessions_pb
from tandem_kit.messages import missing_fields, to_dataclass, to_message, to_plain, unknown_fields
from tandem_kit.validation import violations


class Part(StrEnum):
    CONTENT = "content"
    POSTURE = "posture"


@dataclass(frozen=True)
class RecordTraining:
    enrolment_id: UUID
    part: Part


def test_a_request_becomes_the_command_of_the_same_fields() -> None:
    key = uuid4()
    request = pb.RecordTrainingRequest(enrolment_id=str(key), part=types.TRAINING_PART_POSTURE)
    assert to_dataclass(request, RecordTraining) == RecordTraining(key, Part.POSTURE)
    assert to_message(RecordTraining(key, Part.POSTURE), pb.RecordTrainingRequest) == request


def test_absent_is_none_and_times_are_aware() -> None:
    event = events_pb2.PersonMoved(person_id="p", site="lyon", manager_id="m")
    assert to_plain(event)["functional_manager_id"] is None
    opened = events_pb2.ProgrammeOpened()
    opened.opened_at.FromDatetime(datetime(2026, 1, 5, tzinfo=UTC))
    assert to_plain(opened)["opened_at"] == datetime(2026, 1, 5, tzinfo=UTC)


def test_what_does_not_fit_is_named() -> None:
    descriptor = pb.CertifyMentorRequest.DESCRIPTOR
    assert missing_fields(RecordTraining, descriptor) == {"part"}
    assert unknown_fields(RecordTraining, pb.EnrolAsMenteeRequest.DESCRIPTOR) >= {"topics", "languages"}


def test_every_violation_is_told_at_once_with_its_path() -> None:
    request = pb.EnrolAsMentorRequest(
        programme_id="nonsense",
        topics=[types.Topic(code="Networks!", level=9), types.Topic()],
        languages=["fr"],
        availability=[types.Availability(weekday=8, to_minute=5)],
    )
    assert [(v.field, v.en) for v in violations(request)] == [
        ("programme_id", "is not an identifier (UUID): 'nonsense'"),
        ("topics[0].code", "takes lower-case letters, digits and hyphens, not 'Networks!'"),
        ("topics[0].level", "is 9, and must be at most 3"),
        ("topics[1].code", "is missing"),
        ("topics[1].level", "is 0, and must be at least 1"),
        ("capacity", "is 0, and must be at least 1"),
        ("availability[0].weekday", "is 8, and must be at most 7"),
    ]


def test_what_no_database_or_calendar_takes_is_a_violation_and_no_fault_of_ours() -> None:
    (nul,) = violations(pb.StartImportRequest(file_name="a\0b"))
    assert nul.field == "file_name"
    late = sessions_pb.RescheduleSessionRequest(session_id=str(uuid4()), minutes=90)
    late.starts_at.seconds = 2**62
    assert [v.field for v in violations(late)] == ["starts_at"]


def test_a_choice_that_was_not_made_is_told_with_the_choices() -> None:
    (violation,) = violations(pb.RecordTrainingRequest(enrolment_id=str(uuid4())))
    assert violation.field == "part"
    assert "training_part_content" in violation.sentence("fr")
