"""The AXA France programme, played twice with one seed: in peace, and while every service is killed in turn.

What comes out is held against sources of its own: the topic as a plain Kafka consumer reads it, the HRIS file, and SQL
that shares nothing with the report's.
"""

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from kafka import KafkaConsumer

from tandem.enrolment.v1 import service_pb2 as enrolment
from tandem.matching.v1 import events_pb2 as matching_events
from tandem.sessions.v1 import events_pb2 as sessions_events
from tandem_cli.client import Client
from tandem_cli.people.hris_file import read_hris_file
from tandem_cli.settings import ROOT, CliSettings
from tandem_cli.stack.processes import StackState
from tandem_kit.policy import Role

SERVICES = ("enrolment", "matching", "sessions", "feedback")
PLAY_SECONDS = 400


@dataclass(frozen=True)
class Played:
    """A stack on which the programme has been played, and what it told."""

    home: Path
    figures: dict[str, Any]
    screen: str

    @property
    def settings(self) -> CliSettings:
        return CliSettings(home=self.home, kafka=None, postgres=None)

    @property
    def state(self) -> StackState:
        return StackState.load(self.settings.run)

    def database(self, service: str) -> str:
        password = (self.settings.run / "postgres-password").read_text()
        return f"postgresql://tandem:{password}@{self.state.addresses['postgres']}/tandem_{service}"

    def records(self, topic: str) -> list[Any]:
        """Read a topic from its beginning to its end, as any consumer can."""
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=self.state.addresses["kafka"],
            auto_offset_reset="earliest",
            consumer_timeout_ms=1000,
        )
        found = list(consumer)
        consumer.close()
        return found


def tandem(home: Path, *arguments: str, **more: str) -> "subprocess.Popen[str]":
    env = {k: v for k, v in os.environ.items() if not k.startswith("TANDEM_")}
    env |= {"TANDEM_HOME": str(home), "COLUMNS": "160"} | more
    command = [str(Path(sys.executable).parent / "tandem"), *arguments]
    return subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(home: Path, *arguments: str, **more: str) -> str:
    process = tandem(home, *arguments, **more)
    try:
        said, _ = process.communicate(timeout=PLAY_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    home = tmp_path_factory.mktemp("peace")
    try:
        screen = run(home, "demo", "--keep", "--json", str(home / "figures.json"), TANDEM_TRACE_RATIO="0.02")
        yield Played(home, json.loads((home / "figures.json").read_text()), screen)
    finally:
        run(home, "down")


@pytest.fixture(scope="module")
def figures_under_kills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of a play during which each service is killed with SIGKILL and started again, four times."""
    home = tmp_path_factory.mktemp("kills")
    run(home, "up")
    process = tandem(home, "demo", "--json", str(home / "figures.json"))
    killed = 0
    try:
        deadline = time.monotonic() + PLAY_SECONDS
        turn = 0
        while process.poll() is None:
            assert time.monotonic() < deadline, "the play does not end"
            try:
                process.wait(4)
            except subprocess.TimeoutExpired:
                victim = StackState.load(home / "run").running(SERVICES[turn % len(SERVICES)])
                turn += 1
                if victim is not None:
                    os.kill(victim.pid, signal.SIGKILL)
                    killed += 1
                run(home, "up")
        said = process.stdout.read() if process.stdout else ""
        assert process.returncode == 0, said
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
        run(home, "down")
    assert killed >= len(SERVICES), "the play was over before every service had been killed"
    figures: dict[str, Any] = json.loads((home / "figures.json").read_text())
    return figures


def test_the_play_reaches_the_published_figures(played: Played) -> None:
    report = played.figures["report"]
    assert len(played.figures["first_pairs"]) >= 180
    assert report["reach"]["mentors"] >= 100
    assert report["reach"]["people"] >= 600
    shares = {name: 100 * i["agreed"] / i["answers"] for name, i in report["indicators"].items()}
    assert shares["best-suited-format"] >= 93
    assert shares["changed-habits"] >= 80
    assert shares["would-recommend"] >= 94
    assert played.figures["record"]["declines"]
    assert played.figures["record"]["cancelled_sessions"] > 0
    assert played.figures["record"]["left"]


def test_the_screen_shows_the_report(played: Played) -> None:
    for word in ("55 mentors trained", "in the same reporting line", "I would recommend it", "paris-la-defense"):
        assert word in played.screen


COPIES = {
    "matching": ["candidates", "positions"],
    "sessions": ["programme_dates", "employees", "mentors", "open_sites"],
    "feedback": ["ended_programmes", "held_sessions", "participations"],
}


@pytest.mark.parametrize("service", COPIES)
async def test_copies_that_were_lost_are_rebuilt_as_they_were_and_nothing_is_sent(played: Played, service: str) -> None:
    connection = await asyncpg.connect(played.database(service))

    async def contents() -> dict[str, list[Any]]:
        tables = [*COPIES[service], "watermarks", "consumer_offsets"]
        return {table: await connection.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in tables}

    async def written() -> tuple[Any, ...]:
        return tuple([await connection.fetchval(f"SELECT count(*) FROM {table}") for table in ("outbox", "timers")])

    try:
        before, sent = await contents(), await written()
        # As the events made them, so the snapshots make them: nothing differs.
        said = await asyncio.to_thread(run, played.home, "rebuild", service, TANDEM_LANG="en")
        assert [line.split()[2:] for line in said.splitlines()[1:]] == [["0", "0", "0"]] * len(COPIES[service])
        await connection.execute(f"TRUNCATE {', '.join(COPIES[service])}")
        await asyncio.to_thread(run, played.home, "rebuild", service)
        assert await contents() == before
        assert await written() == sent
    finally:
        await connection.close()


async def test_no_pair_on_the_topic_is_in_one_reporting_line_of_the_hris_file(played: Played) -> None:
    formed = [
        matching_events.PairFormed.FromString(record.value)
        for record in played.records("tandem.matching.pair.v1")
        if dict(record.headers)["ce_type"] == b"tandem.matching.v1.PairFormed"
    ]
    assert len(formed) >= 180
    people = sorted({key for pair in formed for key in (pair.mentor_id, pair.mentee_id)})
    async with Client(played.settings) as client:
        mapped = await client.enrolment.MapReferences(
            enrolment.MapReferencesRequest(person_ids=people), metadata=client.staff(Role.AUDITOR)
        )
    reference = {mapping.person_id: mapping.reference for mapping in mapped.mappings}
    managers = {
        row.reference: [m for m in (row.manager_reference, row.functional_manager_reference) if m]
        for row in read_hris_file(played.settings.run / "hris.csv").rows
    }

    def everybody_above(person: str) -> set[str]:
        found: set[str] = set()
        waiting = list(managers[person])
        while waiting:
            manager = waiting.pop()
            if manager not in found:
                found.add(manager)
                waiting += managers[manager]
        return found

    for pair in formed:
        mentor, mentee = reference[pair.mentor_id], reference[pair.mentee_id]
        assert mentee not in everybody_above(mentor)
        assert mentor not in everybody_above(mentee)


def test_a_full_session_made_people_wait_and_a_cancellation_promoted_the_first(played: Played) -> None:
    happened: dict[str, list[tuple[str, str]]] = defaultdict(list)
    seats: dict[str, int] = {}
    for record in played.records("tandem.sessions.mentoring-session.v1"):
        name = dict(record.headers)["ce_type"].decode().rsplit(".", 1)[-1]
        event = getattr(sessions_events, name).FromString(record.value)
        if name == "SessionScheduled":
            seats[event.session_id] = event.seats
        if name.startswith("Registration"):
            happened[event.session_id].append((name.removeprefix("Registration"), event.person_id))
    full = 0
    for session, events in happened.items():
        seated: list[str] = []
        waiting: list[str] = []
        for what, person in events:
            if what == "Confirmed":
                assert len(seated) < seats[session] <= 15
                seated.append(person)
            elif what == "Waitlisted":
                assert len(seated) == seats[session]
                waiting.append(person)
                full += 1
            elif what == "Cancelled":
                (seated if person in seated else waiting).remove(person)
            else:
                assert person == waiting.pop(0)
                seated.append(person)
    assert full > 0
    assert played.figures["record"]["promoted"] > 0


async def test_the_reports_indicators_equal_those_of_independent_sql(played: Played) -> None:
    connection = await asyncpg.connect(played.database("feedback"))
    try:
        rows = await connection.fetch("SELECT site, answers FROM responses")
    finally:
        await connection.close()
    overall: Counter[tuple[str, str]] = Counter()
    by_site: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for given in json.loads(row["answers"]):
            if given["agreement"]:
                said = "yes" if given["agreement"] > 2 else "no"
                overall[given["question"], said] += 1
                by_site[row["site"], given["question"], said] += 1
    report = played.figures["report"]
    for question, shown in report["indicators"].items():
        yes, no = overall[question, "yes"], overall[question, "no"]
        assert shown == {"answers": yes + no, "agreed": yes}
    for site, told in report["sites"].items():
        for question, shown in told["indicators"].items():
            yes, no = by_site[site, question, "yes"], by_site[site, question, "no"]
            assert shown in (None, {"answers": yes + no, "agreed": yes})
            assert shown is None or yes + no >= 5
    assert report["reach"]["answers"] == len(rows)


async def test_nothing_kept_of_the_answers_holds_a_person_or_an_hour(played: Played) -> None:
    connection = await asyncpg.connect(played.database("feedback"))
    try:
        people = {str(row["person_id"]) for row in await connection.fetch("SELECT person_id FROM invitations")}
        columns = await connection.fetch(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_name IN ('responses', 'spent_tokens')"
        )
        rows = await connection.fetch("SELECT * FROM responses") + await connection.fetch("SELECT * FROM spent_tokens")
        kept = " ".join(str(dict(row)) for row in rows)
        methods = {row["method"] for row in await connection.fetch("SELECT DISTINCT method FROM idempotency_keys")}
        answered = await connection.fetchval("SELECT count(*) FROM outbox WHERE type LIKE '%Answer%'")
    finally:
        await connection.close()
    assert {row["data_type"] for row in columns} <= {"uuid", "text", "date", "jsonb"}
    assert not any(person in kept for person in people)
    assert not methods & {"Answer", "ClaimToken"}
    assert answered == 0
    logged = (played.settings.run / "logs" / "feedback.log").read_text()
    traced = (played.settings.run / "traces" / "feedback.jsonl").read_text()
    for name in ("/Answer", "/ClaimToken", '"Answer"', '"ClaimToken"'):
        assert name not in logged
        assert name not in traced


def test_every_event_is_on_its_topic_in_the_order_of_its_aggregates_versions(played: Played) -> None:
    for file in sorted((ROOT / "proto" / "topics").glob("*.yaml")):
        versions: dict[bytes, list[int]] = defaultdict(list)
        for record in played.records(file.stem):
            headers = dict(record.headers)
            versions[headers["ce_subject"]].append(int(headers["ce_aggregateversion"]))
            assert headers["ce_partitionkey"] == record.key
        for seen in versions.values():
            assert list(dict.fromkeys(seen)) == list(range(1, max(seen) + 1))


def test_one_trace_covers_the_call_its_sql_kafka_and_the_neighbours_handler_with_its_sql(played: Played) -> None:
    async def finish() -> None:
        await asyncio.sleep(0.6)  # The exporters write every half second.

    asyncio.run(finish())
    spans: dict[str, list[dict[str, Any]]] = defaultdict(list)
    batches = []
    for service in SERVICES:
        for line in (played.settings.run / "traces" / f"{service}.jsonl").read_text().splitlines():
            span = json.loads(line) | {"service": service}
            spans[span["context"]["trace_id"]].append(span)
            if span["name"] == "apply batch":
                batches.append(span)
    whole = [trace for trace in spans.values() if covers_everything(trace)]
    assert whole, "no trace goes from a call to a neighbour's SQL"
    # The batch's own span links to the trace of each event that it carried.
    handled = next(s for s in whole[0] if s["name"].startswith("handle "))
    linked = {link["context"]["trace_id"] for batch in batches for link in batch["links"]}
    assert handled["context"]["trace_id"] in linked


def covers_everything(trace: list[dict[str, Any]]) -> bool:
    by_id = {span["context"]["span_id"]: span for span in trace}
    calls = [span for span in trace if span["kind"] == "SpanKind.SERVER" and span["parent_id"] is None]
    for call in calls:
        here = call["context"]["span_id"]
        own_sql = [s for s in trace if s["parent_id"] == here and is_sql(s) and s["service"] == call["service"]]
        for handler in (s for s in trace if s["name"].startswith("handle ") and s["service"] != call["service"]):
            their_sql = [s for s in trace if s["parent_id"] == handler["context"]["span_id"] and is_sql(s)]
            if own_sql and their_sql and handler["parent_id"] in by_id:
                return is_published(by_id[handler["parent_id"]], here)
    return False


def is_published(span: dict[str, Any], call: str) -> bool:
    """The handler's parent is the publication of an event that the call recorded."""
    return bool(span["kind"] == "SpanKind.PRODUCER" and span["parent_id"] == call)


def is_sql(span: dict[str, Any]) -> bool:
    return bool(span["kind"] == "SpanKind.CLIENT" and "db.statement" in span["attributes"])


def test_every_service_is_ready_when_it_has_played(played: Played) -> None:
    said = run(played.home, "status")
    for service in SERVICES:
        line = next(line for line in said.splitlines() if service in line)
        assert line.split()[-1] == "ready", line


def test_a_second_up_finds_the_first(played: Played) -> None:
    before = played.state.processes
    assert "It runs already." in run(played.home, "up")
    assert played.state.processes == before


def test_importing_the_same_export_again_changes_nobody(played: Played) -> None:
    file = played.settings.run / "hris-2.csv"
    with file.open(encoding="utf-8-sig") as lines:
        assert len(list(csv.reader(lines, delimiter=";"))) > 1
    said = run(played.home, "people", "import", str(file))
    assert "0 new, 0 changed" in said


def test_killing_every_service_during_the_play_changes_no_figure(
    played: Played, figures_under_kills: dict[str, Any]
) -> None:
    assert figures_under_kills == played.figures
