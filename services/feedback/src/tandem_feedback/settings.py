"""Feedback's settings."""

from pathlib import Path

from tandem_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    enrolment: str
    """`host:port` of the enrolment service."""
    sessions: str
    """`host:port` of the sessions service."""
    token_key: Path
    """A file with the secret that answer tokens are made with; at least 32 bytes."""
