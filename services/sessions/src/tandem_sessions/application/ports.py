"""What sessions' use cases need of the world."""

from typing import Protocol

from tandem_kit.application import Repository, Timers
from tandem_kit.domain import Aggregate, Receipt
from tandem_sessions.domain.agenda import Agenda
from tandem_sessions.domain.charter import Charter
from tandem_sessions.domain.mentoring_session import MentoringSession
from tandem_sessions.domain.programme import Curriculum, Employee, Mentor, OpenSite, ProgrammeDates
from tandem_sessions.domain.types import ProgrammeId


class Facts(Protocol):
    """Copies of neighbours' facts: all that a projection may touch."""

    dates: Repository[ProgrammeDates]
    mentors: Repository[Mentor]
    open_sites: Repository[OpenSite]
    employees: Repository[Employee]


class Work(Facts, Protocol):
    """One transaction over sessions' database."""

    curricula: Repository[Curriculum]
    charters: Repository[Charter]
    agendas: Repository[Agenda]
    sessions: Repository[MentoringSession]
    timers: Timers

    def receipt_for(self, aggregate: Aggregate) -> Receipt: ...


class Enrolment(Protocol):
    """The neighbour that knows programmes."""

    async def curriculum(self, programme: ProgrammeId) -> Curriculum: ...
