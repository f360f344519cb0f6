"""What volunteering as mentor and as mentee have in common."""

from tandem_enrolment.application.ports import Work
from tandem_enrolment.domain.person import Person
from tandem_enrolment.domain.programme import Programme, ProgrammeState
from tandem_enrolment.domain.rules import already_enrolled, programme_not_open, site_not_open
from tandem_enrolment.domain.types import PersonId, ProgrammeId, Role, site_id
from tandem_kit.domain import refuse_unless


async def open_programme_for(
    by: PersonId, role: Role, programme_id: ProgrammeId, work: Work
) -> tuple[Programme, Person]:
    """Return the programme and the person, who is locked, if the person may join in this role."""
    programme = await work.programmes.consult(programme_id)
    refuse_unless(programme.state is ProgrammeState.OPEN, programme_not_open)
    person = await work.people.get(by)
    site = await work.sites.consult(site_id(person.workplace))
    refuse_unless(site.open, site_not_open)
    enrolled = await work.enrolments.exists(programme_id=programme_id, person_id=by, role=role, withdrawn=False)
    refuse_unless(not enrolled, already_enrolled)
    return programme, person
