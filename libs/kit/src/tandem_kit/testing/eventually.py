"""Waits for something to become true, with a deadline and no fixed sleep."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(probe: Callable[[], Awaitable[T]], seconds: float = 20.0) -> T:
    """Return the probe's first true answer, or fail with its last one."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        answer = await probe()
        if answer:
            return answer
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"after {seconds} s still {answer!r}")
        await asyncio.sleep(0.02)
