from tandem_kit.migrations import run_migrations
from tandem_sessions.adapters.tables import metadata

run_migrations(metadata)
