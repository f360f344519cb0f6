from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tandem_kit.clock import SteeredClock, SystemClock
from tandem_kit.settings import ServiceSettings

GIVEN: dict[str, Any] = {
    "database_url": "postgresql://u:secret@h/d",
    "kafka": "h:1",
    "listen": "h:2",
    "jwks": "keys.json",
}


def test_production_refuses_a_steered_clock() -> None:
    with pytest.raises(ValidationError, match="TANDEM_ENVIRONMENT=local"):
        ServiceSettings(**GIVEN, clock_file="clock")
    assert ServiceSettings(**GIVEN, clock_file="clock", environment="local").clock_file == Path("clock")


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_no_address_key_or_secret_has_a_default(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        ServiceSettings(**{k: v for k, v in GIVEN.items() if k != name})


def test_what_is_printed_at_the_start_holds_no_secret() -> None:
    settings = ServiceSettings(**GIVEN)
    assert "secret" not in str(settings.printable())
    assert "secret" not in repr(settings)


def test_a_steered_clock_follows_its_file(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("86400")
    clock = SteeredClock(file)
    ahead = (clock.now() - SystemClock().now()).total_seconds()
    assert ahead == pytest.approx(86400, abs=5)
    new = tmp_path / "new"
    new.write_text("0")
    new.replace(file)
    assert (clock.now() - SystemClock().now()).total_seconds() == pytest.approx(0, abs=5)
