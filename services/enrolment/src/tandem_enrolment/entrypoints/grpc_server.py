"""Enrolment's methods, and who may call them."""

from tandem_enrolment.application.commands.add_import_rows import add_import_rows
from tandem_enrolment.application.commands.certify_mentor import certify_mentor
from tandem_enrolment.application.commands.commit_import import commit_import
from tandem_enrolment.application.commands.complete_checklist_item import complete_checklist_item
from tandem_enrolment.application.commands.create_programme import create_programme
from tandem_enrolment.application.commands.end_programme import end_programme
from tandem_enrolment.application.commands.enrol_as_mentee import enrol_as_mentee
from tandem_enrolment.application.commands.enrol_as_mentor import enrol_as_mentor
from tandem_enrolment.application.commands.open_programme import open_programme
from tandem_enrolment.application.commands.open_site import open_site
from tandem_enrolment.application.commands.record_briefing import record_briefing
from tandem_enrolment.application.commands.record_training import record_training
from tandem_enrolment.application.commands.register_site import register_site
from tandem_enrolment.application.commands.start_import import start_import
from tandem_enrolment.application.commands.withdraw import withdraw
from tandem_enrolment.application.queries.check_pair import check_pair
from tandem_enrolment.application.queries.get_blueprint import get_blueprint
from tandem_enrolment.application.queries.get_enrolment import get_enrolment
from tandem_enrolment.application.queries.get_people import get_people
from tandem_enrolment.application.queries.list_sites import list_sites
from tandem_enrolment.application.queries.map_references import map_references
from tandem_enrolment.application.queries.preview_import import preview_import
from tandem_kit.policy import Role
from tandem_kit.rpc.server import command, query

_EVERYBODY = (Role.EMPLOYEE, Role.INTERNAL_TRAINER, Role.SITE_HR, Role.PROGRAMME_MANAGER, Role.SERVICE)
_STAFF = (Role.SITE_HR, Role.PROGRAMME_MANAGER)

METHODS = (
    command(start_import, allow=_STAFF),
    command(add_import_rows, allow=_STAFF),
    query(preview_import, allow=_STAFF),
    command(commit_import, allow=_STAFF),
    query(get_people, allow=(*_STAFF, Role.SERVICE)),
    query(map_references, allow=(Role.PROGRAMME_MANAGER, Role.AUDITOR)),
    command(register_site, allow=(Role.PROGRAMME_MANAGER,)),
    command(complete_checklist_item, allow=_STAFF),
    command(open_site, allow=_STAFF),
    query(list_sites, allow=_EVERYBODY),
    command(create_programme, allow=(Role.PROGRAMME_MANAGER,), everywhere=True),
    command(open_programme, allow=(Role.PROGRAMME_MANAGER,), everywhere=True),
    command(end_programme, allow=(Role.PROGRAMME_MANAGER,), everywhere=True),
    query(get_blueprint, allow=_EVERYBODY),
    command(enrol_as_mentor, allow=(Role.EMPLOYEE,)),
    command(enrol_as_mentee, allow=(Role.EMPLOYEE,)),
    command(record_training, allow=(Role.INTERNAL_TRAINER,)),
    command(certify_mentor, allow=(Role.INTERNAL_TRAINER,)),
    command(record_briefing, allow=(Role.INTERNAL_TRAINER, Role.SITE_HR)),
    command(withdraw, allow=(Role.EMPLOYEE, Role.SITE_HR)),
    query(get_enrolment, allow=(Role.EMPLOYEE, *_STAFF)),
    query(check_pair, allow=(Role.SERVICE,)),
)
