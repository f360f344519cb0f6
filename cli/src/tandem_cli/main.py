"""The tandem command."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import grpc
import typer
from rich.console import Console
from rich.table import Table

from tandem_cli import parked as parking
from tandem_cli import rebuild as rebuilding
from tandem_cli.client import Client, explain
from tandem_cli.errors import Trouble, why_not
from tandem_cli.language import said
from tandem_cli.settings import CliSettings
from tandem_cli.stack.processes import StackState
from tandem_cli.stack.services import SERVICES
from tandem_cli.stack.stack import Stack, log_file
from tandem_kit.policy import Role

app = typer.Typer(
    help=said(
        "Run Tandem on this machine, import people, and watch a programme.",
        "Faire tourner Tandem sur cette machine, importer des personnes, suivre un programme.",
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# What goes into a file or a pipe has no edge to be cut at.
console = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)  # noqa: TID251


def stack() -> Stack:
    return Stack(CliSettings(), console)


def fail(sentence: object) -> typer.Exit:
    """Say what went wrong, and return what ends the command."""
    console.print(f"[red]✗[/] {sentence}")
    return typer.Exit(1)


def do(work: Coroutine[Any, Any, Any]) -> Any:
    """Run something to its end; trouble is told in one sentence, Ctrl-C and SIGTERM end it cleanly."""
    try:
        return asyncio.run(_until_told(work))
    except Trouble as trouble:
        raise fail(trouble) from trouble
    except OSError as error:
        raise fail(why_not(error)) from error
    except grpc.aio.AioRpcError as error:
        raise fail(explain(error)) from error
    except (KeyboardInterrupt, asyncio.CancelledError) as stop:
        console.print(said("Stopped.", "Arrêté."))
        raise typer.Exit(130) from stop


async def _until_told(work: Coroutine[Any, Any, Any]) -> Any:
    task = asyncio.current_task()

    def told() -> None:
        # Once: what is cleaned up then is not to be left half done.
        if task is not None and not task.cancelling():
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told)
    return await work


@app.command(
    help=said(
        "Start Kafka, PostgreSQL and the four services, and leave them running.",
        "Démarrer Kafka, PostgreSQL et les quatre services, et les laisser en marche.",
    )
)
def up() -> None:
    console.print(said("Starting the local stack…", "Démarrage de la pile locale…"))
    if do(stack().up()):
        console.print(
            said(
                "Ready. Try: tandem status, tandem logs matching, tandem down.",
                "Prêt. Essayez : tandem status, tandem logs matching, tandem down.",
            )
        )
    else:
        console.print(said("It runs already.", "Elle tourne déjà."))


@app.command(
    help=said(
        "Tell what runs, where, and how much memory it takes.",
        "Dire ce qui tourne, où, et la mémoire que cela prend.",
    )
)
def status() -> None:
    columns = said("part address pid memory state", "partie adresse pid mémoire état").split()
    table = Table(*columns, box=None)
    parts = do(stack().status())
    for part in parts:
        memory = f"{part.megabytes} {said('MB', 'Mo')}" if part.megabytes is not None else ""
        table.add_row(part.name, part.address, str(part.pid or ""), memory, part.state)
    console.print(table)


@app.command(
    help=said("Show what a part of the stack has logged.", "Montrer ce qu'une partie de la pile a écrit au journal.")
)
def logs(service: str, follow: Annotated[bool, typer.Option("--follow", "-f")] = False) -> None:
    try:
        file = log_file(CliSettings().run, service)
    except Trouble as trouble:
        raise fail(trouble) from trouble
    if not file.exists():
        console.print(said(f"{service} has logged nothing.", f"{service} n'a rien écrit au journal."))
        return
    if follow:
        subprocess.run(["tail", "-n", "50", "-F", str(file)], check=False)  # noqa: S603, S607
    else:
        sys.stdout.write(file.read_text(errors="replace"))


@app.command(
    help=said(
        "Stop the local stack and remove everything that it kept.",
        "Arrêter la pile locale et supprimer tout ce qu'elle gardait.",
    )
)
def down() -> None:

    async def work() -> bool:
        return stack().down()

    if do(work()):
        console.print(said("Stopped; nothing is left.", "Arrêtée ; il ne reste rien."))
    else:
        console.print(said("Nothing runs here.", "Rien ne tourne ici."))


_ROLES = ", ".join(role for role in Role if role is not Role.ANYONE)
_ROLE = said(f"One of {_ROLES}; may be given again.", f"Parmi {_ROLES} ; peut être répété.")
_SITE = said("The site that the roles are for; every site without it.", "Le site des rôles ; sans lui, tous les sites.")
_PERSON = said("The person who calls, by their id.", "La personne qui appelle, par son identifiant.")
_NAME = said("The subject of the token.", "Le sujet du jeton.")


@app.command(
    help=said("Sign a token for calling the local services.", "Signer un jeton pour appeler les services locaux.")
)
def token(
    role: Annotated[list[str], typer.Option(help=_ROLE)] = [],  # noqa: B006
    site: Annotated[str | None, typer.Option(help=_SITE)] = None,
    person: Annotated[UUID | None, typer.Option(help=_PERSON)] = None,
    name: Annotated[str, typer.Option(help=_NAME)] = "somebody",
) -> None:
    from tandem_cli.tokens import Signer  # noqa: PLC0415 - slow to load
    from tandem_kit.policy import Grant  # noqa: PLC0415

    run = CliSettings().run
    if not (run / "signing-key.json").exists():
        raise fail(
            said(
                "There is no signing key; start the stack first: tandem up.",
                "Il n'y a pas de clé de signature ; démarrez d'abord la pile : tandem up.",
            )
        )
    known = [r.value for r in Role if r is not Role.ANYONE]
    unknown = [r for r in role if r not in known]
    if unknown:
        raise fail(
            said(
                f"{unknown[0]} is no role; there are {', '.join(known)}.",
                f"{unknown[0]} n'est pas un rôle ; il y a {', '.join(known)}.",
            )
        )
    grants = [Grant(Role(r), site) for r in role]
    sys.stdout.write(Signer(run).sign(str(person or name), *grants, person=person) + "\n")


people = typer.Typer(help=said("People, from the HRIS.", "Les personnes, depuis le SIRH."), no_args_is_help=True)
clock = typer.Typer(
    help=said("The programme's time, in the local stack.", "Le temps du programme, dans la pile locale."),
    no_args_is_help=True,
)
parked = typer.Typer(
    help=said("Events that a service set aside.", "Les événements qu'un service a mis de côté."), no_args_is_help=True
)
topics = typer.Typer(help=said("Kafka's topics.", "Les topics de Kafka."), no_args_is_help=True)
app.add_typer(people, name="people")
app.add_typer(topics, name="topics")
app.add_typer(parked, name="parked")
app.add_typer(clock, name="clock")


def language_of(text: str) -> str:
    if text not in {"en", "fr"}:
        raise typer.BadParameter(
            said(
                f"{text} is not a language of Tandem; choose en or fr.",
                f"{text} n'est pas une langue de Tandem ; choisissez en ou fr.",
            )
        )
    return text


_LANG = said("en or fr; else as this machine speaks.", "en ou fr ; sinon comme parle cette machine.")
_SEED = said(
    "The same seed gives the same people, pairs and figures.",
    "La même graine donne les mêmes personnes, binômes et chiffres.",
)
_CLEAN = said("Without the faults of a real export.", "Sans les défauts d'un vrai export.")
_DRY_RUN = said("Show what would change, and change nothing.", "Montrer ce qui changerait, sans rien changer.")
_DESPITE = said("Import the good lines.", "Importer les bonnes lignes.")
_COMPLETE = said("Whoever the file does not name has left.", "Qui n'est pas dans le fichier est parti.")
_KEEP = said("Leave the stack running at the end.", "Laisser la pile en marche à la fin.")
_JSON = said("Write the figures here, too.", "Écrire aussi les chiffres ici.")
Lang = Annotated[str, typer.Option("--lang", callback=language_of, help=_LANG, show_default=False)]
_SPOKEN = CliSettings().lang


@people.command(
    "generate",
    help=said(
        "Write the HRIS export of an imagined French company.",
        "Écrire l'export SIRH d'une entreprise française imaginaire.",
    ),
)
def generate(
    seed: Annotated[int, typer.Option(help=_SEED)] = 1,
    count: Annotated[int, typer.Option("--people", min=200, max=100_000)] = 5000,
    sites: Annotated[int, typer.Option(min=1, max=20)] = 20,
    clean: Annotated[bool, typer.Option("--clean", help=_CLEAN)] = False,
    file: Annotated[Path, typer.Option("--out", "-o")] = Path("hris.csv"),
) -> None:
    from tandem_cli.people.generate import generate_company, spoil, write_hris_file  # noqa: PLC0415

    company = generate_company(seed, count, sites)
    lines = company if clean else spoil(company, seed)
    try:
        write_hris_file(lines, file)
    except OSError as error:
        raise fail(why_not(error)) from error
    sites = len({e.site for e in company})
    console.print(said(f"{file}: {len(lines)} lines, {sites} sites.", f"{file} : {len(lines)} lignes, {sites} sites."))


@people.command("import", help=said("Import people from an HRIS file.", "Importer des personnes d'un fichier SIRH."))
def import_(
    file: Path,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_DRY_RUN)] = False,
    despite_problems: Annotated[bool, typer.Option("--despite-problems", help=_DESPITE)] = False,
    complete: Annotated[bool, typer.Option("--complete", help=_COMPLETE)] = False,
    lang: Lang = _SPOKEN,
) -> None:
    from tandem_cli.people.importing import ImportRequest, import_people  # noqa: PLC0415

    async def work() -> bool:
        async with Client(CliSettings(), lang) as client:
            request = ImportRequest(file, complete=complete, dry_run=dry_run, despite_problems=despite_problems)
            return await import_people(client, request, console, lang)

    if not do(work()):
        raise typer.Exit(1)


def service_of(text: str | None) -> str | None:
    if text is not None and text not in SERVICES:
        known = ", ".join(SERVICES)
        raise typer.BadParameter(
            said(f"{text} is no service; there are {known}.", f"{text} n'est pas un service ; il y a {known}.")
        )
    return text


_PAST_GAP = said(
    "Give up the versions that never came; with --aggregate.",
    "Renoncer aux versions qui ne sont jamais venues ; avec --aggregate.",
)
Service = Annotated[str, typer.Argument(callback=service_of, help=", ".join(SERVICES), metavar="SERVICE")]


def with_client(work: Callable[[Client], Coroutine[Any, Any, Any]], need: Sequence[str] = SERVICES) -> Any:
    """Do something as a client of these services of the running stack."""

    async def connected() -> Any:
        async with Client(CliSettings(), _SPOKEN, need) as client:
            return await work(client)

    return do(connected())


@parked.command("list", help=said("Of one service, or of all.", "D'un service, ou de tous."))
def parked_list(service: Annotated[str | None, typer.Argument(callback=service_of)] = None) -> None:
    with_client(lambda client: parking.show_all(client, service, console), [service] if service else SERVICES)


@parked.command("show", help=said("Its headers and its content.", "Ses en-têtes et son contenu."))
def parked_show(service: Service, key: Annotated[int, typer.Argument(metavar="ID")]) -> None:
    with_client(lambda client: parking.show_one(client, service, key, console), [service])


@parked.command(
    "replay", help=said("Apply what waits, in order, as far as it goes.", "Appliquer ce qui attend, dans l'ordre.")
)
def parked_replay(
    service: Service,
    aggregate: Annotated[str, typer.Option(help=said("Of this aggregate alone.", "De cet agrégat seulement."))] = "",
    past_gap: Annotated[bool, typer.Option("--past-gap", help=_PAST_GAP)] = False,
) -> None:
    if not with_client(
        lambda client: parking.replay(client, service, aggregate, console, past_gap=past_gap), [service]
    ):
        raise typer.Exit(1)


@parked.command(
    "discard",
    help=said(
        "Give an event up, for a reason that is kept.", "Abandonner un événement, pour une raison qui est gardée."
    ),
)
def parked_discard(
    service: Service,
    key: Annotated[int, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(prompt=said("Why", "Pourquoi"))],
) -> None:
    with_client(lambda client: parking.discard(client, service, key, reason, console), [service])


_OWNER_RESTORED = said(
    "A neighbour's database was restored to an earlier point: forget what it forgot, and go on from now.",
    "La base d'un voisin a été restaurée à un point antérieur : oublier ce qu'il a oublié, et reprendre maintenant.",
)


@app.command(
    help=said(
        "Make a service's copies of its neighbours' facts anew. No command runs, and nothing is published.",
        "Refaire les copies qu'un service a des faits de ses voisins. Aucune commande, aucun événement publié.",
    )
)
def rebuild(
    service: Service,
    owner_restored: Annotated[bool, typer.Option("--owner-restored", help=_OWNER_RESTORED)] = False,
) -> None:
    with_client(lambda client: rebuilding.rebuild(client, service, console, owner_restored=owner_restored), [service])


_KAFKA = said(
    "host:port of a broker; else the local stack's.", "host:port d'un broker ; sinon celui de la pile locale."
)


@topics.command(
    "apply",
    help=said(
        "Create the topics that are missing, and keep events for as long as declared. Never changes partitions.",
        "Créer les topics qui manquent, et garder les événements comme déclaré. Ne change jamais les partitions.",
    ),
)
def topics_apply(
    kafka: Annotated[str | None, typer.Option(help=_KAFKA)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_DRY_RUN)] = False,
) -> None:
    from tandem_cli.topics import OUTCOMES, apply_topics  # noqa: PLC0415

    settings = CliSettings()

    async def work() -> None:
        address = kafka or settings.kafka or StackState.load(settings.run).addresses.get("kafka")
        if address is None:
            raise Trouble(
                said("Say which Kafka: --kafka host:port.", "Dites quel Kafka : --kafka host:port."),
            )
        for name, outcome in (await asyncio.to_thread(apply_topics, address, dry_run=dry_run)).items():
            console.print(f"{name}: {said(*OUTCOMES[outcome])}")
        if dry_run:
            console.print(said("Nothing was changed.", "Rien n'a été changé."))

    do(work())


@clock.command("show", help=said("Tell the programme's time.", "Dire le temps du programme."))
def clock_show() -> None:
    from tandem_kit.clock import SteeredClock  # noqa: PLC0415

    file = CliSettings().run / "clock"
    if not file.exists():
        raise fail(
            said(
                "The stack does not run; start it first: tandem up.",
                "La pile ne tourne pas ; démarrez-la d'abord : tandem up.",
            )
        )
    console.print(f"{SteeredClock(file).now():%Y-%m-%d %H:%M} UTC")


@clock.command(
    "advance",
    help=said(
        "Move the programme's time forward, once all that was due is done.",
        "Avancer le temps du programme, une fois fait tout ce qui était dû.",
    ),
)
def clock_advance(
    by: Annotated[str, typer.Argument(help=said("As 3d, 12h or 90m.", "Comme 3d (jours), 12h ou 90m."))],
) -> None:
    from tandem_cli.clock import advance, duration_of  # noqa: PLC0415

    async def work() -> None:
        length = duration_of(by)
        async with Client(CliSettings()) as client:
            await client.settle()
            now = advance(CliSettings().run, length).now()
        console.print(said(f"It is {now:%Y-%m-%d %H:%M} UTC.", f"Il est {now:%Y-%m-%d %H:%M} UTC."))

    do(work())


@app.command(
    help=said(
        "Run the AXA France programme, from the HRIS import to the report.",
        "Dérouler le programme d'AXA France, de l'import SIRH au bilan.",
    )
)
def demo(
    seed: Annotated[int, typer.Option(help=_SEED)] = 1,
    count: Annotated[int, typer.Option("--people", min=2000, max=100_000)] = 5000,
    keep: Annotated[bool, typer.Option("--keep", help=_KEEP)] = False,
    lang: Lang = _SPOKEN,
    json_file: Annotated[Path | None, typer.Option("--json", help=_JSON)] = None,
) -> None:
    from tandem_cli.demo.play import play  # noqa: PLC0415 - slow to load
    from tandem_cli.demo.words import Words  # noqa: PLC0415

    words, local = Words(lang), stack()
    if json_file is not None and not json_file.parent.is_dir():
        raise fail(said(f"There is no folder {json_file.parent}.", f"Le dossier {json_file.parent} n'existe pas."))
    if json_file is not None and json_file.is_dir():
        raise fail(said(f"{json_file} is a folder.", f"{json_file} est un dossier."))

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
