"""The tandem command as a client of the services, like any other: gRPC with a token."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self
from uuid import UUID

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status

from tandem.enrolment.v1.service_pb2_grpc import EnrolmentServiceStub
from tandem.feedback.v1.service_pb2_grpc import FeedbackServiceStub
from tandem.matching.v1.service_pb2_grpc import MatchingServiceStub
from tandem.operations.v1 import service_pb2 as operations
from tandem.operations.v1.service_pb2_grpc import OperationsServiceStub
from tandem.sessions.v1.service_pb2_grpc import SessionsServiceStub
from tandem_cli.errors import Trouble
from tandem_cli.language import said
from tandem_cli.settings import CliSettings
from tandem_cli.stack.processes import StackState
from tandem_cli.stack.services import SERVICES
from tandem_cli.tokens import Signer
from tandem_kit.policy import Grant, Role
from tandem_kit.rpc.client import connect

Metadata = Sequence[tuple[str, str]]

_DEADLINE_SECONDS = 120.0


class Client:
    """Stubs of the four services of the running stack, and tokens for whoever calls.

    A call waits while a service restarts, and is retried under the same idempotency key when it broke midway.
    """

    def __init__(self, settings: CliSettings, language: str = "en", need: Sequence[str] = SERVICES) -> None:
        """`Trouble` where a service that is needed does not run."""
        state = StackState.load(settings.run)
        missing = [name for name in need if not state.running(name)]
        if missing:
            raise Trouble(
                said(
                    f"Not running: {', '.join(missing)}. Start the stack first: tandem up.",
                    f"Ne tourne pas : {', '.join(missing)}. Démarrez d'abord la pile : tandem up.",
                )
            )
        self._state = state
        self._language = language
        self._signer = Signer(settings.run)
        self._tokens: dict[object, Metadata] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        channels = {
            name: connect(self._state.addresses[name], deadline_seconds=_DEADLINE_SECONDS, wait_for_ready=True)
            for name in SERVICES
        }
        for channel in channels.values():
            self._open.push_async_callback(channel.close)
        self.enrolment = EnrolmentServiceStub(channels["enrolment"])
        self.matching = MatchingServiceStub(channels["matching"])
        self.sessions = SessionsServiceStub(channels["sessions"])
        self.feedback = FeedbackServiceStub(channels["feedback"])
        self.operations = {name: OperationsServiceStub(channel) for name, channel in channels.items()}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def staff(self, role: Role, site: str | None = None) -> Metadata:
        """Return the metadata of a call by somebody in a role."""
        return self._tokens.setdefault((role, site), self._metadata(role.value, [Grant(role, site)], None))

    def person(self, person: UUID | str) -> Metadata:
        """Return the metadata of a call by a person."""
        key = UUID(str(person))
        return self._tokens.setdefault(key, self._metadata(str(key), [], key))

    def nobody(self) -> Metadata:
        """Return the metadata of a call that names no caller."""
        return [("accept-language", self._language)]

    async def backlog(self) -> dict[str, operations.GetBacklogResponse]:
        """Ask every service what it has still to do."""
        stubs = self.operations.items()
        sre = self.staff(Role.SRE)
        answers = await asyncio.gather(
            *(stub.GetBacklog(operations.GetBacklogRequest(), metadata=sre) for _, stub in stubs)
        )
        return dict(zip(self.operations, answers, strict=True))

    async def settle(self, seconds: float = 120.0) -> None:
        """Return when nothing is left to do anywhere: every event applied, every timer that is due run.

        Two rounds in a row have to find all quiet and nothing moved between them: what one service passes to another
        while they are asked in turn shows as activity.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        before: list[int] | None = None
        while asyncio.get_running_loop().time() < deadline:
            backlog = await self.backlog()
            stuck = [name for name, b in backlog.items() if b.parked_events or b.failed_timers]
            if stuck:
                names = ", ".join(stuck)
                raise Trouble(
                    said(
                        f"{names} set something aside: tandem parked list, tandem logs {stuck[0]}.",
                        f"{names} a mis quelque chose de côté : tandem parked list, tandem logs {stuck[0]}.",
                    )
                )
            busy = any(b.unpublished_events or b.unread_records or b.due_timers for b in backlog.values())
            activity = [b.activity for b in backlog.values()]
            if not busy and activity == before:
                return
            before = None if busy else activity
            await asyncio.sleep(0.05)
        left = {name: str(b).replace("\n", " ") for name, b in (await self.backlog()).items()}
        raise Trouble(
            said(
                f"The services did not come to rest in {seconds:.0f} s: {left}",
                f"Les services ne sont pas au repos après {seconds:.0f} s : {left}",
            )
        )

    def _metadata(self, subject: str, grants: Sequence[Grant], person: UUID | None) -> Metadata:
        token = self._signer.sign(subject, *grants, person=person)
        return [("authorization", f"Bearer {token}"), ("accept-language", self._language)]


def explain(error: grpc.aio.AioRpcError) -> str:
    """Return what a service said of a refused call, in a person's words."""
    status = rpc_status.from_call(error)
    lines = [error.details() or error.code().name]
    for detail in status.details if status else ():
        bad = BadRequest()
        if detail.Unpack(bad):
            lines = [f"{violation.field} {violation.description}" for violation in bad.field_violations]
    return "\n".join(lines)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Return the name of the rule that refused a call."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = ErrorInfo()
        if detail.Unpack(info):
            name: str = info.reason
            return name
    return error.code().name
