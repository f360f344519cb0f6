"""The tandem command, from the shell."""

import sys

from pydantic import ValidationError


def main() -> None:
    """Load the command, which takes a moment, and run it."""
    try:
        from tandem_cli.main import app  # noqa: PLC0415 - a Ctrl-C meanwhile ends it quietly, too
    except KeyboardInterrupt:
        sys.exit(130)
    except ValidationError as error:
        problem = error.errors()[0]
        # Not what was given: it may hold a password.
        sys.exit(f"✗ TANDEM_{str(problem['loc'][0]).upper()}: {problem['msg']}")
    app()


if __name__ == "__main__":
    main()
