"""The words of feedback's domain."""

from enum import StrEnum
from typing import NewType
from uuid import UUID

PersonId = NewType("PersonId", UUID)
ProgrammeId = NewType("ProgrammeId", UUID)
QuestionnaireId = NewType("QuestionnaireId", UUID)
SessionId = NewType("SessionId", UUID)
SiteCode = NewType("SiteCode", str)


class SessionFormat(StrEnum):
    ONE_TO_ONE = "one_to_one"
    COLLECTIVE = "collective"
