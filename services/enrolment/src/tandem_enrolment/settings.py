"""Enrolment's settings."""

from tandem_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Enrolment asks no neighbour: it needs what every service needs."""
