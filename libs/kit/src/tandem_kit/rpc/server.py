"""Answers gRPC calls: everything around a use case, once for every method.

In this order: trace and metrics, caller, deadline, policy, form of the request, transaction, use case, response,
idempotency key; and whatever goes wrong becomes a status with details. A service declares its methods as a table of
`command(...)` and `query(...)`; what the contract has and the table lacks stops the service when it starts.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields, replace
from types import ModuleType
from typing import Any, get_args, get_type_hints
from uuid import UUID

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2
from grpc.aio import ServicerContext
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, Status, StatusCode

from tandem_kit import metrics
from tandem_kit.domain import Clock, NotFound
from tandem_kit.logs import get_log
from tandem_kit.messages import missing_fields, to_dataclass, to_message, unknown_fields
from tandem_kit.policy import EVERYWHERE, Caller, Hat, Role, Scope, hats_of
from tandem_kit.postgres import is_transient
from tandem_kit.rpc.callers import Callers
from tandem_kit.rpc.errors import Invalid, Refused, denied, internal, status_of
from tandem_kit.tracing import context_from, span
from tandem_kit.validation import violations
from tandem_kit.work import AlreadyExists, Answer, Works

_TRIES = 4

UseCase = Callable[[Any, Any, Clock], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: its use case, who may call it, and whether it changes anything."""

    use_case: UseCase
    allow: frozenset[Role]
    changes: bool
    recorded: bool = True
    """Whether the call leaves a log line, spans and an idempotency record; an anonymous answer does not."""
    everywhere: bool = False
    """Whether it concerns every site, so that a role at some sites alone does not do."""

    @property
    def name(self) -> str:
        return "".join(word.capitalize() for word in self.use_case.__name__.split("_"))

    @property
    def takes(self) -> type:
        kind: type = next(iter(get_type_hints(self.use_case).values()))
        return kind

    @property
    def gives(self) -> type:
        kind: type = get_type_hints(self.use_case)["return"]
        return kind


def command(use_case: UseCase, allow: Iterable[Role], *, recorded: bool = True, everywhere: bool = False) -> Method:
    """Return an RPC, named after its use case, that changes something."""
    return Method(use_case, frozenset(allow), changes=True, recorded=recorded, everywhere=everywhere)


def query(use_case: UseCase, allow: Iterable[Role], *, everywhere: bool = False) -> Method:
    """Return an RPC, named after its use case, that only reads."""
    return Method(use_case, frozenset(allow), changes=False, everywhere=everywhere)


class ContractBroken(Exception):  # noqa: N818
    """A service's table of methods does not fit its contract."""


def check_contract(contract: ModuleType, service: str, methods: Iterable[Method]) -> dict[str, Method]:
    """Return the methods by name, or raise `ContractBroken` with everything that does not fit."""
    described = contract.DESCRIPTOR.services_by_name[service].methods_by_name
    by_name = {method.name: method for method in methods}
    wrong = [f"{name} has no use case" for name in sorted(set(described) - set(by_name))]
    wrong += [f"{name} is not in the contract" for name in sorted(set(by_name) - set(described))]
    for name in sorted(set(by_name) & set(described)):
        method, descriptor = by_name[name], described[name]
        missing = missing_fields(method.takes, descriptor.input_type, given=["by", "caller"])
        unread = unknown_fields(method.takes, descriptor.input_type)
        unfilled = unknown_fields(method.gives, descriptor.output_type) if descriptor.output_type.fields else set()
        wrong += [f"{name}: the request has no {field}" for field in sorted(missing)]
        wrong += [f"{name}: the use case does not take {field}" for field in sorted(unread)]
        wrong += [f"{name}: the use case does not give {field}" for field in sorted(unfilled)]
    if wrong:
        raise ContractBroken(f"{service}: " + "; ".join(wrong))
    return by_name


class Rpc:
    """The methods of one service, ready to be added to a server."""

    def __init__(
        self,
        service: str,
        contract: ModuleType,
        name: str,
        methods: Iterable[Method],
        works: Works[Any],
        callers: Callers,
        clock: Clock,
    ) -> None:
        self._service = service
        self._works = works
        self._callers = callers
        self._clock = clock
        self._methods = check_contract(contract, name, methods)
        descriptor = contract.DESCRIPTOR.services_by_name[name]
        self.full_name: str = descriptor.full_name
        self.handler = grpc.method_handlers_generic_handler(
            self.full_name, {d.name: self._handler(d, self._methods[d.name]) for d in descriptor.methods}
        )

    def _handler(self, descriptor: MethodDescriptor, method: Method) -> "grpc.RpcMethodHandler[Any, Any]":
        request, response = GetMessageClass(descriptor.input_type), GetMessageClass(descriptor.output_type)

        async def answer(message: Message, context: ServicerContext[Any, Any]) -> Message:
            return await self._answer(method, message, response, context)

        handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=request.FromString,
            response_serializer=response.SerializeToString,
        )
        return handler

    async def _answer(
        self, method: Method, request: Message, response: type[Message], context: ServicerContext[Any, Any]
    ) -> Message:
        metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        language = "fr" if metadata.get("accept-language", "").startswith("fr") else "en"
        started = time.perf_counter()
        code = "OK"
        try:
            async with _traced(self.full_name, method, metadata):
                return await self._call(method, request, response, metadata, context.time_remaining())
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except Exception as error:
            status = status_of(error, language)
            if status is None:
                get_log().exception("unexpected_error", method=method.name)
                status = internal(language)
            code = status.code.name
            if method.recorded and code != "INTERNAL":
                get_log().info("call_refused", method=method.name, code=code, reason=_reason(error))
            await context.abort_with_status(status)
            raise AssertionError("abort_with_status raises") from error
        finally:
            metrics.RPC_SECONDS.labels(self._service, method.name, code).observe(time.perf_counter() - started)

    async def _call(
        self,
        method: Method,
        request: Message,
        response: type[Message],
        metadata: Mapping[str, str],
        time_remaining: float | None,
    ) -> Message:
        caller, hats = self._admit(method, metadata)
        if time_remaining is None:
            raise Refused(
                code_pb2.INVALID_ARGUMENT,
                "deadline_required",
                "Send a deadline with the call.",
                "Joignez une échéance à l'appel.",
            )
        wrong = violations(request)
        if wrong:
            raise Invalid(wrong)
        record = _record_of(method, caller, metadata, request)
        for hat in hats[:-1]:
            # Out of the reach of a role is not yet out of one's own.
            with suppress(NotFound):
                return await self._run(method, request, response, caller, hat, record)
        return await self._run(method, request, response, caller, hats[-1], record)

    async def _run(
        self,
        method: Method,
        request: Message,
        response: type[Message],
        caller: Caller,
        hat: Hat,
        record: Answer | None,
    ) -> Message:
        command: object = to_dataclass(request, method.takes, **_given(method, caller, hat))
        if method.changes:
            return await self._change(method, command, response, hat.scope, record)
        async with self._works.read(hat.scope) as work:
            return to_message(await method.use_case(command, work, self._clock), response)

    async def _change(
        self, method: Method, command: object, response: type[Message], scope: Scope, record: Answer | None
    ) -> Message:
        """Run the command; its answer commits with what it changed. No record: the call leaves none."""
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._try(method, command, response, scope, record)
            except Exception as error:
                # A command sent again meets what it did the first time: a rule refuses it, or its key is taken.
                first = await self._first_answer(record) if record and not is_transient(error) else None
                if first is not None:
                    return response.FromString(first)
                # A deadlock, or another's insert of the same thing: the next try sees what the other did.
                if attempt == _TRIES or not (isinstance(error, AlreadyExists) or is_transient(error)):
                    raise
                await asyncio.sleep(0.02 * 2**attempt)
        raise AssertionError("the last try returns or raises")

    async def _try(
        self, method: Method, command: object, response: type[Message], scope: Scope, record: Answer | None
    ) -> Message:
        async with self._works.begin(scope) as work:
            result = to_message(await method.use_case(command, work, self._clock), response)
            if record is not None:
                work.answers(replace(record, response=result.SerializeToString()))
        return result

    async def _first_answer(self, record: Answer) -> bytes | None:
        async with self._works.read() as work:
            first: Answer | None = await work.store.find_answer(record.caller, record.method, record.key)
        if first is None:
            return None
        if first.request_digest != record.request_digest:
            raise Refused(
                code_pb2.INVALID_ARGUMENT,
                "idempotency_key_reused",
                "This idempotency-key was used with another request.",
                "Cet idempotency-key a déjà servi pour une autre requête.",
            )
        return first.response

    def _admit(self, method: Method, metadata: Mapping[str, str]) -> tuple[Caller, list[Hat]]:
        if Role.ANYONE in method.allow:
            return Caller("anyone"), [Hat(EVERYWHERE)]
        caller = self._callers.caller_of(metadata.get("authorization"))
        hats = hats_of(caller, method.allow)
        if method.everywhere:
            hats = [hat for hat in hats if hat.scope.sites is None]
        themself = [hat for hat in hats if hat.for_themself]
        if themself and "by" not in {field.name for field in fields(method.takes)}:
            # What concerns nobody in particular, every employee sees everywhere.
            hats = themself
        if not hats:
            raise denied()
        return caller, hats


def _given(method: Method, caller: Caller, hat: Hat) -> dict[str, UUID | str | None]:
    """Fill `caller`, the subject of the token, and `by`, the person who calls.

    Where `by` may be None, somebody who acts in a granted role is nobody's party.
    """
    names = {field.name for field in fields(method.takes)}
    if "caller" in names:
        return {"caller": caller.name}
    if "by" not in names:
        return {}
    optional = type(None) in get_args(get_type_hints(method.takes)["by"])
    if optional and not hat.for_themself:
        return {"by": None}
    if caller.person is None:
        raise denied()
    return {"by": caller.person}


def _record_of(method: Method, caller: Caller, metadata: Mapping[str, str], request: Message) -> Answer | None:
    """Return what shall be kept of the call, still without its answer; None where nothing shall."""
    if not (method.changes and method.recorded):
        return None
    key = metadata.get("idempotency-key")
    if not key or len(key) > 200:
        raise Refused(
            code_pb2.INVALID_ARGUMENT,
            "idempotency_key_required",
            "Send an idempotency-key of at most 200 characters with a call that changes something.",
            "Joignez un idempotency-key d'au plus 200 caractères à un appel qui modifie quelque chose.",
        )
    return Answer(caller.name, method.name, key, _digest(request), b"")


def _digest(request: Message) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


def _reason(error: Exception) -> str:
    # A sentence may quote what the caller wrote; the log keeps names only.
    return error.rule.name if hasattr(error, "rule") else type(error).__name__


@asynccontextmanager
async def _traced(service: str, method: Method, metadata: Mapping[str, str]) -> AsyncIterator[None]:
    if not method.recorded:
        with suppress_instrumentation():
            yield
        return
    attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method.name}
    with span(
        f"{service}/{method.name}", SpanKind.SERVER, parent=context_from(metadata), attributes=attributes
    ) as current:
        try:
            yield
        except Exception as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
