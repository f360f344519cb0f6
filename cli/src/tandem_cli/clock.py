"""Steers the programme's time of the local stack."""

import re
from datetime import timedelta
from pathlib import Path

from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_kit.clock import SteeredClock

_DIGITS = 9
_MOST = timedelta(days=3653)
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def duration_of(text: str) -> timedelta:
    """Read `3d`, `12h` or `90m`."""
    match = re.fullmatch(r"(\d+)([dhm])", text)
    if match is None:
        raise Trouble(
            said(
                f"{text} is no length of time; write it as 3d, 12h or 90m.",
                f"{text} n'est pas une durée ; écrivez 3d (jours), 12h ou 90m.",
            )
        )
    if len(match[1]) > _DIGITS or (length := timedelta(**{_UNITS[match[2]]: int(match[1])})) > _MOST:
        raise Trouble(said("Ten years at most, at a time.", "Dix ans au plus, à la fois."))
    return length


def advance(run: Path, by: timedelta) -> SteeredClock:
    """Move the programme's time forward; the services notice at once."""
    file = run / "clock"
    new = file.with_suffix(".new")
    new.write_text(str(float(file.read_text()) + by.total_seconds()))
    new.replace(file)
    return SteeredClock(file)
