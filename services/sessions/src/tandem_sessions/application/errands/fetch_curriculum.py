from dataclasses import dataclass

from tandem_sessions.domain.types import ProgrammeId


@dataclass(frozen=True, slots=True)
class FetchCurriculum:
    """Ask enrolment for a programme's blueprint, then adopt its curriculum."""

    programme_id: ProgrammeId
