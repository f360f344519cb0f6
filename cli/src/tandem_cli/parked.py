"""The events that a service set aside: look at them, replay them, or give one up."""

from rich.console import Console
from rich.table import Table

from tandem.operations.v1 import service_pb2 as pb
from tandem_cli.client import Client
from tandem_cli.language import said
from tandem_cli.stack.services import SERVICES
from tandem_kit.policy import Role

_PAGE = 200


async def show_all(client: Client, service: str | None, console: Console) -> None:
    """List what waits, of one service or of all."""
    columns = said("service/id/aggregate/version/event/why/since", "service/id/agrégat/version/événement/motif/depuis")
    table = Table(box=None)
    for column in columns.split("/"):
        # What one has to type is never cut.
        table.add_column(column, overflow="fold", no_wrap=column in {"id", "aggregate", "agrégat"})
    for name in [service] if service else SERVICES:
        after = 0
        while True:
            request = pb.ListParkedRequest(after=after, limit=_PAGE)
            page = await client.operations[name].ListParked(request, metadata=client.staff(Role.SRE))
            for event in page.events:
                version = str(event.version) if event.HasField("version") else "?"
                since = f"{event.parked_at.ToDatetime():%Y-%m-%d %H:%M}"
                type_ = event.type.rpartition(".")[2]
                row = (name, str(event.id), event.aggregate_id, version, type_, event.reason, since)
                table.add_row(*row)
            if len(page.events) < _PAGE:
                break
            after = page.events[-1].id
    console.print(table if table.row_count else said("Nothing is set aside.", "Rien n'est mis de côté."))


async def show_one(client: Client, service: str, key: int, console: Console) -> None:
    """Show an event with its headers and its content."""
    shown = await client.operations[service].GetParked(pb.GetParkedRequest(id=key), metadata=client.staff(Role.SRE))
    console.print(f"{shown.event.topic} [{shown.event.partition}] @{shown.event.offset}: {shown.event.reason}")
    for header in shown.headers:
        console.print(f"  {header.name}: {header.value}", markup=False)
    unreadable = said("Its content cannot be read.", "Son contenu est illisible.")
    console.print(shown.payload_json or unreadable, markup=False)


async def replay(client: Client, service: str, aggregate: str, console: Console, *, past_gap: bool) -> bool:
    """Apply what waits, in order; tell whether all of it could be."""
    request = pb.ReplayParkedRequest(aggregate_id=aggregate, past_gap=past_gap)
    done = await client.operations[service].ReplayParked(request, metadata=client.staff(Role.SRE))
    console.print(
        said(
            f"{done.replayed} replayed, {done.remaining} still wait.",
            f"{done.replayed} rejoués, {done.remaining} attendent encore.",
        )
    )
    if done.remaining:
        console.print(said(f"Why: tandem parked list {service}.", f"Pourquoi : tandem parked list {service}."))
    return not done.remaining


async def discard(client: Client, service: str, key: int, reason: str, console: Console) -> None:
    """Give an event up."""
    request = pb.DiscardParkedRequest(id=key, reason=reason)
    done = await client.operations[service].DiscardParked(request, metadata=client.staff(Role.SRE))
    console.print(said("Discarded.", "Abandonné."))
    if done.waiting:
        console.print(
            said(
                f"{done.waiting} later events of its aggregate wait: tandem parked replay {service}.",
                f"{done.waiting} événements suivants de son agrégat attendent : tandem parked replay {service}.",
            )
        )
