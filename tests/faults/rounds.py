"""One round: load, a fault or some, healing, and the ledger. And many of them, from a seed."""

import argparse
import asyncio
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import structlog
from hypothesis import Phase, Verbosity
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from tandem_kit.testing.eventually import eventually
from tests.faults.cluster import Cluster
from tests.faults.faults import FAULTS, OF_A_CLUSTER, OF_ONE_REPLICA, OF_REAL_LENGTH, PROCESSES
from tests.faults.rig import REAL, SHORT, Ledger, Lengths, Rig, Servers

EVERY_FAULT = FAULTS | OF_A_CLUSTER | OF_ONE_REPLICA | OF_REAL_LENGTH


async def play(rig: Rig, names: Sequence[str], rate: int = 2000) -> Ledger:
    """Strike with these faults, one after the other, while events are on their way; then let everything heal.

    Without any, it is a quiet round. One that does not end is ended.
    """
    async with asyncio.timeout(4 * rig.heal_seconds):
        return await _play(rig, names, rate)


async def _play(rig: Rig, names: Sequence[str], rate: int) -> Ledger:
    for name in PROCESSES:
        if name not in rig.wanted:
            await rig.start(name)
    before = await rig.handled()

    async def flows() -> bool:
        return await rig.handled() > before + rate / 8

    struck: list[int] = []
    async with rig.load(rate):
        # A fault counts only when it strikes processes that are at work, and events on their way.
        await eventually(flows, 30)
        for name in names:
            struck.append(await eventually(rig.in_flight, 30))
            await EVERY_FAULT[name].strike(rig)
            await asyncio.sleep(0.2)
    found = await rig.check()
    found.in_flight = struck
    return found


@dataclass
class Record:
    """What the rounds with one fault showed."""

    in_flight: list[int] = field(default_factory=list)
    healing: list[float] = field(default_factory=list)


@dataclass
class Score:
    """What all rounds showed."""

    records: dict[str, Record] = field(default_factory=lambda: defaultdict(Record))
    rounds: int = 0
    produced: int = 0
    applied: int = 0
    raw_duplicates: int = 0
    failed: dict[str, object] = field(default_factory=dict)

    def table(self) -> Table:
        table = Table("fault", "threatens", "rounds", "least in flight", "longest healing")
        for name, record in sorted(self.records.items(), key=lambda item: EVERY_FAULT[item[0]].threatens):
            healing = f"{max(record.healing):.1f} s"
            row = (name, EVERY_FAULT[name].threatens, str(len(record.healing)), str(min(record.in_flight)), healing)
            table.add_row(*row)
        return table


class Stage:
    """Servers and a rig, for one round after the other. After a round that failed, the next has a rig of its own."""

    def __init__(
        self, runner: asyncio.Runner, score: Score, servers: Servers, make_rig: Callable[[Servers], Rig], rate: int
    ) -> None:
        self._runner = runner
        self._score = score
        self._servers = servers
        self._make_rig = make_rig
        self._rate = rate
        self._open = AsyncExitStack()
        self._rig: Rig | None = None

    def play(self, names: Sequence[str], console: Console) -> None:
        """Play a round, and tell; `AssertionError` where a check fails."""
        try:
            found = self._runner.run(self._play(names))
        except Exception as error:
            self._score.failed = {"the round came to its end": repr(error)}
            self._runner.run(self._clear())
            raise
        score = self._score
        score.rounds += 1
        for name, count in zip(names, found.in_flight, strict=True):
            score.records[name].in_flight.append(count)
            score.records[name].healing.append(found.heal_seconds)
        with_what = ", ".join(f"{count} in flight" for count in found.in_flight) or "quiet"
        healed = f"healed in {found.heal_seconds:.1f} s"
        console.print(f"{score.rounds:4} {' + '.join(names) or '–'}: {with_what}; {healed}")
        if found.faults:
            score.failed = found.faults
            console.print(found.faults)
            self._runner.run(self._clear())
            raise AssertionError(found.faults)

    async def _play(self, names: Sequence[str]) -> Ledger:
        if self._rig is None:
            self._rig = await self._open.enter_async_context(self._make_rig(self._servers).running())
        return await play(self._rig, names, self._rate)

    async def _clear(self) -> None:
        if self._rig is not None:
            self._score.produced += self._rig.found.produced
            self._score.applied += self._rig.found.applied
            self._score.raw_duplicates += self._rig.found.raw_duplicates
        self._rig = None
        await self._open.aclose()

    def end(self) -> None:
        """End every process."""
        self._runner.run(self._clear())
        self._servers.stop()


def play_mixes(stage: Stage, count: int, seed: int, console: Console) -> None:
    """Play rounds of up to three faults that Hypothesis draws; one that fails is made as small as still fails."""

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(st.lists(st.sampled_from(list(FAULTS)), max_size=3))
    def mixed(names: list[str]) -> None:
        stage.play(names, console)

    mixed()


def play_all(rounds: int, seed: int, rate: int, lengths: Lengths, console: Console) -> Score:
    """Play every fault alone, then mixes, then three brokers."""
    chance, score = random.Random(seed), Score()
    of_three = max(1, rounds // 20)
    long = lengths is REAL
    alone = list(FAULTS | OF_REAL_LENGTH if long else FAULTS)
    chance.shuffle(alone)
    console.print(f"seed {seed}, {rounds} rounds, {len(EVERY_FAULT)} kinds of fault, {lengths}")

    def rig(replicas: int) -> Callable[[Servers], Rig]:
        heal = 60.0 + 4 * lengths.request
        return lambda servers: Rig(servers, seed, replicas=replicas, lengths=lengths, heal_seconds=heal)

    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as folder:
        plan: list[tuple[type[Servers], int, list[str]]] = [
            (Servers, 1, alone),
            (Cluster, 3, list(OF_A_CLUSTER) * of_three),
            (Cluster, 1, list(OF_ONE_REPLICA) * of_three),
        ]
        for number, (kind, replicas, names) in enumerate(plan):
            home = Path(folder) / str(number)
            home.mkdir()
            stage = Stage(runner, score, kind(home), rig(replicas), rate)
            try:
                for name in names:
                    stage.play([name], console)
                mixed = rounds - len(alone) - 3 * of_three
                if kind is Servers and mixed > 0:
                    play_mixes(stage, mixed, seed, console)
            except Exception:  # noqa: BLE001 - told with the score
                break
            finally:
                stage.end()
    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--rate", type=int, default=3000, help="events a second")
    parser.add_argument("--long", action="store_true", help="each fault once, with time-outs as in production")
    given = parser.parse_args()
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    console, began = Console(width=150, highlight=False), time.monotonic()
    rounds = 1 if given.long else given.rounds
    score = play_all(rounds, given.seed, given.rate, REAL if given.long else SHORT, console)
    console.print(score.table())
    console.print(
        f"{score.rounds} rounds in {time.monotonic() - began:.0f} s; {score.applied} applied of {score.produced} "
        f"committed, the others parked as planted; {score.raw_duplicates} stand twice in Kafka, and were skipped"
    )
    console.print(f"FAILED: {score.failed}" if score.failed else "Nothing lost, nothing applied twice, all in order.")
    raise SystemExit(1 if score.failed else 0)


if __name__ == "__main__":
    main()
