"""Sessions' transaction."""

from typing import Any

from tandem_kit.work import Work
from tandem_sessions.domain.agenda import Agenda
from tandem_sessions.domain.charter import Charter
from tandem_sessions.domain.mentoring_session import MentoringSession
from tandem_sessions.domain.programme import Curriculum, Employee, Mentor, OpenSite, ProgrammeDates


class SessionsWork(Work):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.dates = self.repository(ProgrammeDates, "programme_dates")
        self.mentors = self.repository(Mentor, "mentors")
        self.open_sites = self.repository(OpenSite, "open_sites")
        self.employees = self.repository(Employee, "employees")
        self.curricula = self.repository(Curriculum, "curricula")
        self.charters = self.repository(Charter, "charters")
        self.agendas = self.repository(Agenda, "agendas")
        self.sessions = self.repository(MentoringSession, "mentoring_sessions")
