import pytest

from tandem_kit.testing.memory import MemoryDatabase
from tandem_kit.testing.suites import SUITE, StoreSuite


class TestMemory(StoreSuite):
    @pytest.fixture
    def database(self) -> MemoryDatabase:
        return MemoryDatabase(SUITE)
