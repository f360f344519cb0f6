"""Sessions' methods, and who may call them."""

from tandem_kit.policy import Role
from tandem_kit.rpc.server import command, query
from tandem_sessions.application.commands.cancel_registration import cancel_registration
from tandem_sessions.application.commands.cancel_session import cancel_session
from tandem_sessions.application.commands.propose_objectives import propose_objectives
from tandem_sessions.application.commands.record_attendance import record_attendance
from tandem_sessions.application.commands.register_for_session import register_for_session
from tandem_sessions.application.commands.reschedule_session import reschedule_session
from tandem_sessions.application.commands.schedule_collective_session import schedule_collective_session
from tandem_sessions.application.commands.schedule_session import schedule_session
from tandem_sessions.application.commands.sign_charter import sign_charter
from tandem_sessions.application.queries.get_charter import get_charter
from tandem_sessions.application.queries.get_curriculum import get_curriculum
from tandem_sessions.application.queries.get_session import get_session
from tandem_sessions.application.queries.list_open_sessions import list_open_sessions

_STAFF = (Role.SITE_HR, Role.PROGRAMME_MANAGER)

METHODS = (
    query(get_curriculum, allow=(Role.EMPLOYEE, Role.INTERNAL_TRAINER, *_STAFF)),
    query(get_charter, allow=(Role.EMPLOYEE,)),
    command(propose_objectives, allow=(Role.EMPLOYEE,)),
    command(sign_charter, allow=(Role.EMPLOYEE,)),
    command(schedule_session, allow=(Role.EMPLOYEE,)),
    command(schedule_collective_session, allow=_STAFF),
    command(reschedule_session, allow=(Role.EMPLOYEE, *_STAFF)),
    command(cancel_session, allow=(Role.EMPLOYEE, *_STAFF)),
    command(register_for_session, allow=(Role.EMPLOYEE,)),
    command(cancel_registration, allow=(Role.EMPLOYEE,)),
    command(record_attendance, allow=(Role.EMPLOYEE, *_STAFF)),
    query(get_session, allow=(Role.EMPLOYEE, *_STAFF)),
    query(list_open_sessions, allow=(Role.EMPLOYEE, *_STAFF)),
)
