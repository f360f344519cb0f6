"""`serve` runs the service; `migrate` brings its database to this version's shape."""

from tandem_feedback.bootstrap import NAME, build
from tandem_feedback.settings import Settings
from tandem_kit.command_line import main

main(NAME, Settings, build)
