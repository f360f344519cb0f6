"""How sessions get into, and out of, the agendas of their people."""

from collections.abc import Iterable

from tandem_sessions.application.ports import Work
from tandem_sessions.domain.agenda import Agenda
from tandem_sessions.domain.mentoring_session import MentoringSession
from tandem_sessions.domain.types import PersonId


async def agendas_of(people: Iterable[PersonId], work: Work) -> dict[PersonId, Agenda]:
    """Return the people's agendas, locked in one order for everybody; whoever had none gets an empty one."""
    people = sorted(set(people))
    found = await work.agendas.find_many(people)
    return {person: found.get(person) or work.agendas.add(Agenda(id=person)) for person in people}


async def book_everybody(session: MentoringSession, work: Work) -> None:
    """Put the session into the agendas of all its people, or move it there."""
    most = (await work.curricula.consult(session.programme_id)).one_to_one.sessions_per_person_max
    agendas = await agendas_of(session.people, work)
    for person in session.people:
        agendas[person].book(session.engagement_of(person), most)


async def free(people: Iterable[PersonId], session: MentoringSession, work: Work) -> None:
    """Take the session out of these people's agendas."""
    for agenda in (await agendas_of(people, work)).values():
        agenda.free(session.id)


async def fill_free_seats(session: MentoringSession, work: Work) -> None:
    """Promote whoever waits longest and can come, while there are seats."""
    most = (await work.curricula.consult(session.programme_id)).one_to_one.sessions_per_person_max
    agendas = await agendas_of(session.waitlist, work)
    for person in list(session.waitlist):
        if not session.has_free_seat:
            return
        engagement = session.engagement_of(person)
        if agendas[person].could_book(engagement, most):
            session.promote(person)
            agendas[person].book(engagement, most)
