"""The programme's time: the system's, or a steered one in the local stack."""

from datetime import UTC, datetime, timedelta
from pathlib import Path


class SystemClock:
    """The time of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - here is the clock


class SteeredClock:
    """The machine's time plus an offset in seconds that a file holds, read again whenever the file changes.

    It moves the programme's time only: due dates and the time of events. Record timestamps, tokens, time-outs and
    metrics keep the machine's time.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at = -1
        self._offset = timedelta()

    def now(self) -> datetime:
        changed_at = self._file.stat().st_mtime_ns
        if changed_at != self._read_at:
            self._offset = timedelta(seconds=float(self._file.read_text()))
            self._read_at = changed_at
        return SystemClock().now() + self._offset
