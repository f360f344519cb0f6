"""A service's copies of its neighbours' facts, made anew."""

from rich.console import Console
from rich.table import Table

from tandem.operations.v1 import service_pb2 as pb
from tandem_cli.client import Client
from tandem_cli.language import said
from tandem_kit.policy import Role

# Some ten thousand aggregates take a second.
_DEADLINE_SECONDS = 3600.0


async def rebuild(client: Client, service: str, console: Console, *, owner_restored: bool) -> None:
    """Rebuild, and tell how the copies differed."""
    request = pb.RebuildProjectionsRequest(owner_restored=owner_restored)
    with console.status(said(f"Rebuilding {service}…", f"Reconstruction de {service}…")):
        done = await client.operations[service].RebuildProjections(
            request, timeout=_DEADLINE_SECONDS, metadata=client.staff(Role.SRE)
        )
    columns = said("copies of/rows/added/changed/removed", "copies de/lignes/ajoutées/changées/retirées")
    table = Table(*columns.split("/"), box=None)
    for t in done.tables:
        table.add_row(t.name, *(str(count) for count in (t.rows, t.added, t.changed, t.removed)))
    console.print(
        table if done.tables else said("It keeps no copies.", "Il ne garde aucune copie."),
    )
    if done.partitions_begun_anew:
        anew, unanswered = done.partitions_begun_anew, done.events_without_reaction
        console.print(
            said(
                f"{anew} partitions are read from their end: Kafka no longer had what came next, or its owner forgot "
                f"it. {unanswered} events are in the copies, and no command has answered them.",
                f"{anew} partitions sont lues depuis leur fin : Kafka n'avait plus la suite, ou son propriétaire l'a "
                f"oubliée. {unanswered} événements sont dans les copies, et aucune commande n'y a répondu.",
            )
        )
