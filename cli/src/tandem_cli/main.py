"""The tandem command."""

import asyncio
import subprocess
import sys
from collections.abc import Coroutine
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

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
    console.print("Stopped; nothing is left." if stack().down() else "Nothing runs here.")


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
