"""Which topic each aggregate's facts go to."""

from tandem.enrolment.v1 import events_pb2
from tandem_enrolment.domain.enrolment import Enrolment
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.programme import Programme
from tandem_enrolment.domain.site import Site
from tandem_kit.work import Topics

TOPICS = Topics(
    {
        Person: ("tandem.enrolment.person.v1", events_pb2),
        Site: ("tandem.enrolment.site.v1", events_pb2),
        Programme: ("tandem.enrolment.programme.v1", events_pb2),
        Enrolment: ("tandem.enrolment.enrolment.v1", events_pb2),
    }
)
