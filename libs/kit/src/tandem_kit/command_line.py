"""The command line of a service: `python -m tandem_<name> serve | migrate`."""

import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from tandem_kit.service import Service, run
from tandem_kit.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)


def main(name: str, settings_type: type[S], build: Callable[[S], Service]) -> None:
    """Do what the first argument says; a missing setting is told in one line each, and the exit status is 2."""
    action = sys.argv[1] if len(sys.argv) == 2 else ""
    if action not in {"serve", "migrate"}:
        sys.exit(f"usage: python -m tandem_{name} serve | migrate")
    try:
        settings = settings_type()
    except ValidationError as error:
        for problem in error.errors():
            setting = "TANDEM_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"{setting}: {problem['msg']}" if problem["loc"] else problem["msg"], file=sys.stderr)  # noqa: T201
        sys.exit(2)
    if action == "serve":
        run(name, settings, build)
    else:
        # Only here: a service that serves does not load Alembic.
        from tandem_kit.migrations import migrate  # noqa: PLC0415

        migrate(name, settings.database_url)
