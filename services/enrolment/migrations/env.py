from tandem_enrolment.adapters.tables import metadata
from tandem_kit.migrations import run_migrations

run_migrations(metadata)
