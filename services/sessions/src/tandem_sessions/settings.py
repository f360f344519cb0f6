"""Sessions' settings."""

from tandem_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    enrolment: str
    """`host:port` of the enrolment service."""
    matching: str
    """`host:port` of the matching service."""
