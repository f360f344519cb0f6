"""What enrolment's use cases need of the world."""

from typing import Protocol

from tandem_enrolment.domain.enrolment import Enrolment
from tandem_enrolment.domain.hris_import import HrisImport, Line
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.programme import Programme
from tandem_enrolment.domain.site import Site
from tandem_kit.application import Reach, Repository, Timers
from tandem_kit.domain import Aggregate, Receipt


class Work(Protocol):
    """One transaction over enrolment's database."""

    people: Repository[Person]
    sites: Repository[Site]
    programmes: Repository[Programme]
    enrolments: Repository[Enrolment]
    imports: Repository[HrisImport]
    lines: Repository[Line]
    timers: Timers
    scope: Reach

    def receipt_for(self, aggregate: Aggregate) -> Receipt: ...
