"""What a person is told when something cannot be done."""


class Trouble(Exception):  # noqa: N818
    """One clear sentence; the command ends with it and a non-zero exit status."""
