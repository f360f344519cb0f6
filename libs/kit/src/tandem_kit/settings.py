"""The settings that every service has. Nothing else reads the environment."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Read from `TANDEM_*` in the environment. No secret, address or key has a default."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_", frozen=True)

    environment: Literal["production", "local"] = "production"
    version: str = "0.1.0"
    database_url: str = Field(repr=False)
    """`postgresql://user:password@host:port/name`, this service's own database."""
    database_pool: int = 8
    kafka: str
    """`host:port,host:port`, the brokers to begin with."""
    group_prefix: str = "national.stable"
    """`<cell>.<ring>`: what the name of the Kafka consumer group begins with."""
    listen: str
    """`host:port` of the gRPC server."""
    metrics_listen: str | None = None
    """`host:port` of the Prometheus endpoint; none is served without it."""
    jwks: Path
    """A file with the public keys (a JWK set) that callers' tokens are signed with."""
    service_token: Path | None = None
    """A file with the token by which this service calls its neighbours; read again for each call."""
    clock_file: Path | None = None
    """Steers the programme's time; for the local stack alone."""
    trace_file: Path | None = None
    """Spans are written here, one JSON object a line."""
    trace_ratio: float = Field(default=0.0, ge=0, le=1)
    """Share of new traces that are recorded; a caller's decision is followed."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    batch_records: int = Field(default=500, ge=1)
    """Most records that a consumer applies in one transaction."""
    flood_in_a_row: int = Field(default=20, ge=1)
    """As many events that cannot be applied, one after the other, halt the consumer instead of being parked."""
    flood_share: float = Field(default=0.1, gt=0, le=1)
    """So does this share of the last thousand."""
    session_seconds: float = Field(default=10.0, ge=1)
    """Without a heartbeat for that long, Kafka gives a consumer's partitions to another."""
    unassigned_seconds: float = Field(default=60.0, ge=1)
    """Without a word of its group for that long, a consumer joins it anew."""
    timer_poll_seconds: float = Field(default=0.25, gt=0)
    drain_seconds: float = Field(default=20.0, gt=0)
    """How long running calls may take to finish when the service stops."""

    @model_validator(mode="after")
    def _the_clock_is_steered_in_the_local_stack_alone(self) -> Self:
        if self.clock_file is not None and self.environment != "local":
            raise ValueError("TANDEM_CLOCK_FILE steers time, which only TANDEM_ENVIRONMENT=local allows.")
        return self

    def printable(self) -> dict[str, Any]:
        """Return the settings without secrets."""
        return self.model_dump(mode="json", exclude={"database_url"})
