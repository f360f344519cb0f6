"""One round: load, a fault or some, healing, and the ledger."""

import argparse
import asyncio
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import structlog
from rich.console import Console
from rich.table import Table

from tandem_kit.testing.eventually import eventually
from tests.faults.faults import FAULTS, PROCESSES
from tests.faults.rig import Ledger, Rig, Servers


async def play(rig: Rig, names: Sequence[str], rate: int = 2000) -> Ledger:
    """Strike with these faults, one after the other, while events are on their way; then let everything heal.

    Without any, it is a quiet round.
    """
    for name in PROCESSES:
        if name not in rig.wanted:
            await rig.start(name)
    before = await rig.handled()

    async def flows() -> bool:
        return await rig.handled() > before + rate / 2

    async with rig.load(rate):
        # A fault counts only when it strikes processes that are at work, and events on their way.
        await eventually(flows, 30)
        for name in names:
            await eventually(rig.in_flight, 30)
            await FAULTS[name](rig)
            await asyncio.sleep(0.2)
    return await rig.check()


async def _many(rounds: int, seed: int, rate: int, console: Console) -> bool:
    chance = random.Random(seed)
    console.print(f"seed {seed}, {rounds} rounds, {len(FAULTS)} kinds of fault")
    struck: dict[str, list[float]] = defaultdict(list)
    order = [name for _ in range(rounds // len(FAULTS) + 1) for name in chance.sample(list(FAULTS), len(FAULTS))]
    began, found = time.monotonic(), Ledger()
    with tempfile.TemporaryDirectory() as folder:
        servers = Servers(Path(folder))
        async with Rig(servers, seed).running() as rig:
            for number, first in enumerate(order[:rounds], start=1):
                # Every third round mixes two.
                names = [first, chance.choice(list(FAULTS))] if number % 3 == 0 else [first]
                found = await play(rig, names, rate)
                struck[first].append(found.heal_seconds)
                console.print(f"{number:4} {' + '.join(names):70} healed in {found.heal_seconds:5.1f} s")
                if found.faults:
                    console.print(found.faults)
                    break
        servers.stop()
    table = Table("fault", "rounds", "longest healing")
    for name, seconds in sorted(struck.items()):
        table.add_row(name, str(len(seconds)), f"{max(seconds):.1f} s")
    console.print(table)
    console.print(
        f"{found.applied} applied of {found.produced} committed; {found.raw_duplicates} stand twice in Kafka, skipped; "
        f"lost {len(found.lost)}, applied twice {len(found.doubled)}, out of order {len(found.reordered)}; "
        f"{time.monotonic() - began:.0f} s"
    )
    return not found.faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--rate", type=int, default=2000, help="events a second")
    given = parser.parse_args()
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    good = asyncio.run(_many(given.rounds, given.seed, given.rate, Console(width=140)))
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
