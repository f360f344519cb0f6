"""Enrolment's transaction."""

from typing import Any

from tandem_enrolment.domain.enrolment import Enrolment
from tandem_enrolment.domain.hris_import import HrisImport, Line
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.programme import Programme
from tandem_enrolment.domain.site import Site
from tandem_kit.work import Work


class EnrolmentWork(Work):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.people = self.repository(Person, "people")
        self.sites = self.repository(Site, "sites")
        self.programmes = self.repository(Programme, "programmes")
        self.enrolments = self.repository(Enrolment, "enrolments")
        self.imports = self.repository(HrisImport, "imports")
        self.lines = self.repository(Line, "import_lines")
