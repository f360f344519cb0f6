"""`serve` runs the service; `migrate` brings its database to this version's shape."""

from tandem_kit.command_line import main
from tandem_sessions.bootstrap import NAME, build
from tandem_sessions.settings import Settings

main(NAME, Settings, build)
