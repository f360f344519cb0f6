"""The whole play, act after act."""

import json
import time
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from tandem.enrolment.v1 import service_pb2 as enrolment
from tandem.matching.v1 import service_pb2 as matching
from tandem_cli.blueprints import read_blueprint
from tandem_cli.client import Client
from tandem_cli.demo import ending, meeting, opening, pairing
from tandem_cli.demo.cast import Chance, choose_cast
from tandem_cli.demo.show import report_as_plain, show_report
from tandem_cli.demo.stage import Stage, references
from tandem_cli.demo.words import Words
from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_cli.people.generate import Employee, generate_company, spoil, write_hris_file
from tandem_cli.people.hris_file import read_hris_file
from tandem_cli.people.importing import ImportRequest
from tandem_cli.people.importing import stage as stage_import
from tandem_cli.people.sites import SITES
from tandem_cli.settings import ROOT, CliSettings
from tandem_kit.clock import SteeredClock
from tandem_kit.policy import Role

_LEAVERS = {2: (1, 2, 3), 4: (1, 1, 4)}
"""By month: how many mentors, executives and others leave the company."""
_SITES_OPENING = {4: 4, 5: 15}
"""By month: how many more sites open, after headquarters."""


def _check_company(file: Path, seed: int, people: int) -> None:
    """Refuse to bring a second company's people to a stack that has one's."""
    asked = {"seed": seed, "people": people}
    known = json.loads(file.read_text()) if file.exists() else asked
    if known != asked:
        was = f"--seed {known['seed']} --people {known['people']}"
        raise Trouble(
            said(
                f"This stack has the company of {was}. Play with that, or begin anew: tandem down.",
                f"Cette pile a l'entreprise de {was}. Jouez avec elle, ou recommencez : tandem down.",
            )
        )
    file.write_text(json.dumps(asked))


async def play(
    client: Client, settings: CliSettings, seed: int, people: int, console: Console, language: str
) -> dict[str, Any]:
    """Run the programme and return its figures, which the seed decides."""
    words, chance = Words(language), Chance(seed)
    company = generate_company(seed, people, len(SITES))
    blueprint = read_blueprint(ROOT / "blueprints" / "axa-france.yaml")
    started = time.perf_counter()

    _check_company(settings.run / "demo.json", seed, people)
    await opening.register_sites(client, SITES)
    await _import(client, settings.run / "hris.csv", spoil(company, seed), console, words, first=True)
    sites = [place.code for place in SITES]
    await opening.open_site(client, sites[0])
    programme = await opening.open_programme(client, blueprint)
    cast = await choose_cast(client, company, sites, chance)
    began = SteeredClock(settings.run / "clock").now()
    stage = Stage(client, settings.run, console, words, chance, cast, blueprint, programme, began)
    stage.say("opened", sites=sites[0], month=1)
    stage.say("programme", code=blueprint.code)

    await opening.enrol_mentors(stage, cast.first_mentors)
    enrolments = await opening.enrol_executives(stage, cast.executives)
    await stage.until(stage.day(10))
    first_run = await pairing.pair_everybody(stage)
    pairs = await pairing.pairs_of(stage)
    stage.say("paired", count=len(pairs))
    first_pairs = _by_reference(stage, pairs)
    _tell_unmatched(stage, first_run)
    await pairing.sign_charters(stage, pairs)

    months = {}
    open_sites = sites[:1]
    for month in range(1, len(stage.modules) + 1):
        open_sites += await _before_month(stage, month, sites, open_sites, enrolments)
        months[month] = await _month(stage, month, open_sites)

    report = await ending.end(stage)
    show_report(report, blueprint, words, console)
    console.print(words.of("took", seconds=round(time.perf_counter() - started)))
    return {
        "seed": seed,
        "first_pairs": first_pairs,
        "pairs": _by_reference(stage, await pairing.pairs_of(stage)),
        "record": asdict(stage.record) | {"declines": sorted(stage.record.declines)},
        "months": months,
        "report": report_as_plain(report),
    }


async def _before_month(
    stage: Stage, month: int, sites: list[str], open_sites: list[str], enrolments: dict[str, str]
) -> list[str]:
    """What happens between the months: a second wave of mentors, new sites, departures; return the new sites."""
    new = sites[len(open_sites) : len(open_sites) + _SITES_OPENING.get(month, 0)]
    for site in new:
        await opening.open_site(stage.client, site)
    if new:
        stage.say("opened", sites=", ".join(new), month=month)
    wave = [a for a in stage.cast.second_mentors if a.hris.site in (new or sites[:1])]
    if month == 3 or new:
        await opening.enrol_mentors(stage, wave)
    if month in _LEAVERS:
        await _leave(stage, month, *_LEAVERS[month])
    if month == 3:
        quitter = stage.cast.executives[20]
        await stage.client.enrolment.Withdraw(
            enrolment.WithdrawRequest(enrolment_id=enrolments[quitter.id]), metadata=stage.client.person(quitter.id)
        )
        stage.record.withdrawn.append(quitter.reference)
    await stage.client.settle()
    return new


async def _leave(stage: Stage, month: int, mentors: int, executives: int, others: int) -> None:
    """Some people leave the company: HR sends a file that says so, and Tandem does the rest."""
    pick = stage.chance.of("leavers", month)
    gone = set(stage.record.left)
    leaving = [
        *pick.sample([a for a in stage.cast.first_mentors if a.reference not in gone], mentors),
        *pick.sample([a for a in stage.cast.executives[20:] if a.reference not in gone], executives),
        *pick.sample([a for a in stage.cast.staff[SITES[0].code][:200] if a.reference not in gone], others),
    ]
    lines = [replace(actor.hris, status="Sorti") for actor in leaving]
    await _import(stage.client, stage.run / f"hris-{month}.csv", lines, stage.console, stage.words, first=False)
    stage.record.left += [actor.reference for actor in leaving]
    stage.say("left", count=len(leaving))
    await stage.until(stage.now() + timedelta(days=2))
    before = {pair.id for pair in await pairing.pairs_of(stage)}
    await pairing.follow_runs(stage)
    formed = [pair for pair in await pairing.pairs_of(stage) if pair.id not in before]
    if formed:
        await pairing.sign_charters(stage, formed)


async def _month(stage: Stage, month: int, open_sites: list[str]) -> dict[str, int]:
    first_day = max(stage.day(30 * month), stage.now() + timedelta(days=1))
    first_day = first_day.replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
    record = stage.record
    before = (record.cancelled_sessions, record.waitlisted, record.promoted)
    pairs = await pairing.pairs_of(stage)
    booked = await meeting.hold_pairs(stage, month, pairs, first_day)
    collective = []
    if month >= stage.blueprint.collective.from_month:
        active = [a for a in [*stage.cast.first_mentors, *stage.cast.second_mentors] if a.reference not in record.left]
        certified = [a for a in active if a.hris.site in open_sites]
        leaders = meeting.mentors_by_site(certified, open_sites[0])
        collective = await meeting.open_collective(stage, month, open_sites, leaders, first_day, rounds=10)
    await stage.until(first_day + timedelta(days=20))
    came = await meeting.record_attendance(stage, month, booked)
    cancelled = record.cancelled_sessions - before[0]
    module = stage.modules[month - 1]
    stage.say("month", month=month, module=module, held=len(booked), cancelled=cancelled)
    figures = {"one_to_one": len(booked), "came_one_to_one": len(came), "cancelled": cancelled}
    if collective:
        came = await meeting.record_attendance(stage, month, collective)
        stage.say(
            "collective",
            month=month,
            sessions=len(collective),
            people=len(came),
            waited=record.waitlisted - before[1],
            promoted=record.promoted - before[2],
        )
        figures |= {"collective": len(collective), "came_collective": len(came)}
    return figures


async def _import(
    client: Client, file: Path, lines: list[Employee], console: Console, words: Words, *, first: bool
) -> None:
    write_hris_file(lines, file)
    preview = await stage_import(client, read_hris_file(file), ImportRequest(file), console, words.of("importing"))
    await client.enrolment.CommitImport(
        enrolment.CommitImportRequest(import_id=preview.import_id, despite_problems=True),
        metadata=client.staff(Role.PROGRAMME_MANAGER),
    )
    if first:
        counts = preview.counts
        console.print(
            "  [green]✓[/] " + words.of("imported", people=counts.new, sites=len(SITES), bad=counts.bad_lines)
        )


def _by_reference(stage: Stage, pairs: list[matching.Pair]) -> list[list[str]]:
    known = stage.cast.everybody()
    return [[known[pair.mentor_id].reference, known[pair.mentee_id].reference] for pair in pairs]


def _tell_unmatched(stage: Stage, run: matching.GetRunResponse) -> None:
    mentors = len(stage.cast.first_mentors)
    for unmatched in run.unmatched:
        stage.say(
            "unmatched_executive",
            reference=references([unmatched.mentee_id], stage.cast)[0],
            mentors=mentors,
            line=unmatched.in_reporting_line,
            language=unmatched.no_shared_language,
            full=unmatched.full,
        )
