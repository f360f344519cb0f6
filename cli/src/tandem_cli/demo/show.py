"""The report, on screen and as JSON."""

from typing import Any

from rich.console import Console
from rich.table import Table

from tandem.enrolment.v1.blueprint_pb2 import Blueprint
from tandem.feedback.v1 import service_pb2 as pb
from tandem_cli.demo.words import Words

_VERBATIMS_SHOWN = 4


def show_report(report: pb.GetReportResponse, blueprint: Blueprint, words: Words, console: Console) -> None:
    """Print what the programme reached."""
    french = words.language == "fr"
    published = {figure.question: figure.percent for figure in blueprint.figures.indicators}
    console.rule(words.of("report"))
    indicators = Table(*words.columns("indicator_columns"))
    for result in report.indicators:
        text = result.text.fr if french else result.text.en
        indicators.add_row(text, _percent(result), str(result.answers), f"{published.get(result.question, '')} %")
    console.print(indicators)
    reach = Table(*words.columns("reach_columns"))
    _add_reach(reach, f"[bold]{words.of('overall')}[/]", report.reach)
    for site in report.sites:
        _add_reach(reach, site.site, site.reach)
    console.print(reach)
    by_site = Table(*words.columns("by_site_columns"))
    for site in report.sites:
        by_site.add_row(site.site, *(_percent(result) for result in site.indicators))
    console.print(by_site)
    console.print(f"[dim]{words.of('held_back')}[/]")
    console.print(f"[bold]{words.of('verbatims')}[/]")
    for verbatim in dict.fromkeys(v.comment for v in report.verbatims):
        console.print(f"  « {verbatim} »")


def _add_reach(table: Table, name: str, reach: pb.Reach) -> None:
    answers = str(reach.answers) if reach.HasField("answers") else "–"
    counts = (
        reach.people,
        reach.mentors,
        reach.one_to_one_sessions,
        reach.collective_sessions,
        reach.questionnaires_sent,
    )
    table.add_row(name, *(str(count) for count in counts), answers)


def _percent(result: pb.IndicatorResult) -> str:
    return f"{100 * result.agreed / result.answers:.0f} %" if result.HasField("answers") else "–"


def report_as_plain(report: pb.GetReportResponse) -> dict[str, Any]:
    """Return the report's figures for JSON; what was held back is null."""
    return {
        "reach": _reach_as_plain(report.reach),
        "indicators": _indicators_as_plain(report.indicators),
        "sites": {
            site.site: {
                "reach": _reach_as_plain(site.reach),
                "indicators": _indicators_as_plain(site.indicators),
            }
            for site in report.sites
        },
        "verbatims": [verbatim.comment for verbatim in report.verbatims],
    }


def _reach_as_plain(reach: pb.Reach) -> dict[str, int | None]:
    counts = {field.name: getattr(reach, field.name) for field in reach.DESCRIPTOR.fields}
    return counts | {"answers": reach.answers if reach.HasField("answers") else None}


def _indicators_as_plain(results: Any) -> dict[str, dict[str, int] | None]:
    return {
        result.question: {"answers": result.answers, "agreed": result.agreed} if result.HasField("answers") else None
        for result in results
    }
