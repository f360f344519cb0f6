"""The settings of the tandem command. Nothing else reads the environment."""

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[3]
"""Where the repository is checked out: the local stack runs from it."""


def _language_of_this_machine() -> Literal["en", "fr"]:
    said = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")  # noqa: TID251
    return "fr" if said.startswith("fr") else "en"


_FORMS = {
    "kafka": (r"[^\s:,/]+:\d+(,[^\s:,/]+:\d+)*", "host:port"),
    "postgres": (r"postgresql://\S+@\S+:\d+", "postgresql://user:password@host:port"),
}


class CliSettings(BaseSettings):
    """Read from `TANDEM_*` in the environment."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_", frozen=True)

    home: Path = ROOT / ".tandem"
    """Everything that the local stack keeps."""
    cache: Path = ROOT / ".tandem" / "cache"
    """What is fetched once and serves every stack: Kafka's jars."""
    kafka: str | None = None
    """`host:port` of a Kafka to use instead of the embedded one."""
    postgres: str | None = None
    """`postgresql://user:password@host:port` of a PostgreSQL to use instead of the embedded one."""
    trace_ratio: float = 0.0
    """Share of traces that the local services record, under `run/traces`."""

    lang: Literal["en", "fr"] = Field(default_factory=_language_of_this_machine)
    """What the command speaks; as the machine does, where nobody says."""

    @field_validator("kafka", "postgres")
    @classmethod
    def _names_a_server(cls, value: str | None, info: ValidationInfo) -> str | None:
        form, wanted = _FORMS[str(info.field_name)]
        if value is not None and re.fullmatch(form, value) is None:
            raise PydanticCustomError("address", "{wanted}", {"wanted": wanted})
        return value

    @field_validator("lang", mode="before")
    @classmethod
    def _is_french_or_else_english(cls, value: str) -> str:
        return "fr" if value.lower().startswith("fr") else "en"

    @property
    def run(self) -> Path:
        """What one run of the stack keeps; `tandem down` removes it."""
        return self.home / "run"


def environment_with(more: dict[str, str]) -> dict[str, str]:
    """Return this process's environment without Tandem's own settings, and with more."""
    return {k: v for k, v in os.environ.items() if not k.startswith("TANDEM_")} | more  # noqa: TID251 - handed on
