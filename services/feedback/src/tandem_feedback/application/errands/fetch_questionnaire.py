from dataclasses import dataclass

from tandem_feedback.domain.types import ProgrammeId


@dataclass(frozen=True, slots=True)
class FetchQuestionnaire:
    """Ask enrolment for a programme's blueprint, then adopt its questionnaire."""

    programme_id: ProgrammeId
