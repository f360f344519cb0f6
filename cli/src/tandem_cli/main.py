"""The tandem command."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import grpc
import typer
from rich.console import Console
from rich.table import Table

from tandem_cli.client import Client, explain
from tandem_cli.errors import Trouble
from tandem_cli.settings import CliSettings
from tandem_cli.stack.stack import Stack, log_file

app = typer.Typer(
    help="Run Tandem on this machine, import people, and watch a programme.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console(highlight=False)


def stack() -> Stack:
    return Stack(CliSettings(), console)


def do(work: Coroutine[Any, Any, Any]) -> Any:
    """Run something to its end; trouble is told in one sentence, Ctrl-C ends quietly."""
    try:
        return asyncio.run(work)
    except Trouble as trouble:
        console.print(f"[red]✗[/] {trouble}")
        raise typer.Exit(1) from trouble
    except OSError as error:
        console.print(f"[red]✗[/] {error.strerror or error}: {error.filename or ''}")
        raise typer.Exit(1) from error
    except grpc.aio.AioRpcError as error:
        console.print(f"[red]✗[/] {explain(error)}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt as stop:
        console.print("Stopped.")
        raise typer.Exit(130) from stop


@app.command()
def up() -> None:
    """Start Kafka, PostgreSQL and the four services, and leave them running."""
    console.print("Starting the local stack…")
    started = do(stack().up())
    console.print("Ready. Try: tandem status, tandem logs matching, tandem down." if started else "It runs already.")


@app.command()
def status() -> None:
    """Tell what runs, where, and how much memory it takes."""
    table = Table("part", "address", "pid", "memory", "state", box=None)
    for part in do(stack().status()):
        memory = f"{part.megabytes} MB" if part.megabytes is not None else ""
        table.add_row(part.name, part.address, str(part.pid or ""), memory, part.state)
    console.print(table)


@app.command()
def logs(service: str, follow: Annotated[bool, typer.Option("--follow", "-f")] = False) -> None:
    """Show what a part of the stack has logged."""
    try:
        file = log_file(CliSettings().run, service)
    except Trouble as trouble:
        console.print(f"[red]✗[/] {trouble}")
        raise typer.Exit(1) from trouble
    if not file.exists():
        console.print(f"{service} has logged nothing.")
        return
    if follow:
        subprocess.run(["tail", "-n", "50", "-F", str(file)], check=False)  # noqa: S603, S607
    else:
        sys.stdout.write(file.read_text(errors="replace"))


@app.command()
def down() -> None:
    """Stop the local stack and remove everything that it kept."""

    async def work() -> bool:
        return stack().down()

    console.print("Stopped; nothing is left." if do(work()) else "Nothing runs here.")


@app.command()
def token(
    role: Annotated[list[str], typer.Option(help="A role, as programme_manager; may be given again.")] = [],  # noqa: B006
    site: Annotated[str | None, typer.Option(help="The site that the roles are for; every site without it.")] = None,
    person: Annotated[UUID | None, typer.Option(help="The person who calls, by their id.")] = None,
    name: Annotated[str, typer.Option(help="The subject of the token.")] = "somebody",
) -> None:
    """Sign a token for calling the local services."""
    from tandem_cli.tokens import Signer  # noqa: PLC0415 - slow to load
    from tandem_kit.policy import Grant, Role  # noqa: PLC0415

    run = CliSettings().run
    if not (run / "signing-key.json").exists():
        console.print("[red]✗[/] There is no signing key; start the stack first: tandem up.")
        raise typer.Exit(1)
    known = [r.value for r in Role if r is not Role.ANYONE]
    unknown = [r for r in role if r not in known]
    if unknown:
        console.print(f"[red]✗[/] {unknown[0]} is no role; there are {', '.join(known)}.")
        raise typer.Exit(1)
    grants = [Grant(Role(r), site) for r in role]
    sys.stdout.write(Signer(run).sign(str(person or name), *grants, person=person) + "\n")


people = typer.Typer(help="People, from the HRIS.", no_args_is_help=True)
clock = typer.Typer(help="The programme's time, in the local stack.", no_args_is_help=True)
app.add_typer(people, name="people")
app.add_typer(clock, name="clock")


def language_of(text: str) -> str:
    if text not in {"en", "fr"}:
        raise typer.BadParameter(f"{text} is not a language of Tandem; choose en or fr.")
    return text


@people.command("generate")
def generate(
    seed: Annotated[int, typer.Option(help="The same seed gives the same people.")] = 1,
    count: Annotated[int, typer.Option("--people", min=100, max=100_000)] = 5000,
    sites: Annotated[int, typer.Option(min=1, max=20)] = 20,
    clean: Annotated[bool, typer.Option("--clean", help="Without the faults of a real export.")] = False,
    file: Annotated[Path, typer.Option("--out", "-o")] = Path("hris.csv"),
) -> None:
    """Write the HRIS export of an imagined French company."""
    from tandem_cli.people.generate import generate_company, spoil, write_hris_file  # noqa: PLC0415

    company = generate_company(seed, count, sites)
    lines = company if clean else spoil(company, seed)
    write_hris_file(lines, file)
    console.print(f"{file}: {len(lines)} lines, {len({e.site for e in company})} sites.")


@people.command("import")
def import_(
    file: Path,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    despite_problems: Annotated[bool, typer.Option("--despite-problems", help="Import the good lines.")] = False,
    complete: Annotated[bool, typer.Option("--complete", help="Whoever the file does not name has left.")] = False,
    lang: Annotated[str, typer.Option("--lang", callback=language_of)] = "en",
) -> None:
    """Import people from an HRIS file."""
    from tandem_cli.people.importing import ImportRequest, import_people  # noqa: PLC0415

    async def work() -> bool:
        async with Client(CliSettings(), lang) as client:
            request = ImportRequest(file, complete=complete, dry_run=dry_run, despite_problems=despite_problems)
            return await import_people(client, request, console, lang)

    if not do(work()):
        raise typer.Exit(1)


@clock.command("show")
def clock_show() -> None:
    """Tell the programme's time."""
    from tandem_kit.clock import SteeredClock  # noqa: PLC0415

    file = CliSettings().run / "clock"
    if not file.exists():
        console.print("[red]✗[/] The stack does not run; start it first: tandem up.")
        raise typer.Exit(1)
    console.print(f"{SteeredClock(file).now():%Y-%m-%d %H:%M} UTC")


@clock.command("advance")
def clock_advance(by: Annotated[str, typer.Argument(help="As 3d, 12h or 90m.")]) -> None:
    """Move the programme's time forward, once all that was due is done."""
    from tandem_cli.clock import advance, duration_of  # noqa: PLC0415

    async def work() -> None:
        length = duration_of(by)
        async with Client(CliSettings()) as client:
            await client.settle()
            now = advance(CliSettings().run, length).now()
        console.print(f"It is {now:%Y-%m-%d %H:%M} UTC.")

    do(work())


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="The same seed gives the same people, pairs and figures.")] = 1,
    count: Annotated[int, typer.Option("--people", min=2000, max=100_000)] = 5000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running at the end.")] = False,
    lang: Annotated[str, typer.Option("--lang", callback=language_of)] = "en",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")] = None,
) -> None:
    """Run the AXA France programme, from the HRIS import to the report."""
    from tandem_cli.demo.play import play  # noqa: PLC0415 - slow to load
    from tandem_cli.demo.words import Words  # noqa: PLC0415

    words, local = Words(lang), stack()
    if json_file is not None and not json_file.parent.is_dir():
        console.print(f"[red]✗[/] There is no folder {json_file.parent}.")
        raise typer.Exit(1)

    async def work() -> None:
        console.rule(words.of("title"))
        started = await local.up()
        try:
            async with Client(local.settings, lang) as client:
                figures = await play(client, local.settings, seed, count, console, lang)
            if json_file is not None:
                json_file.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
        finally:
            # What ran before goes on running.
            ours = not keep and len(started) == len(await local.status())
            if ours:
                local.down()
        console.print(words.of("stopped" if ours else "kept"))

    do(work())
