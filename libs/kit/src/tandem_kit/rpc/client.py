"""Calls a neighbour: a deadline on every call, an idempotency key on every command, the trace, the caller's token."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from grpc.aio import Channel, ClientCallDetails, Metadata, UnaryUnaryClientInterceptor

from tandem_kit.tracing import current_traceparent

_DEADLINE_SECONDS = 10.0
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 2,
                    # A server that is told to stop cancels a call that comes at that very moment.
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ],
    }
)


class _Metadata(UnaryUnaryClientInterceptor):
    def __init__(self, token: Callable[[], str] | None, deadline_seconds: float, *, wait_for_ready: bool) -> None:
        self._token = token
        self._deadline_seconds = deadline_seconds
        self._wait_for_ready = wait_for_ready

    async def intercept_unary_unary(self, continuation: Any, details: ClientCallDetails, request: Any) -> Any:
        metadata = Metadata(*(details.metadata or ()))
        given = set(metadata.keys())
        if "idempotency-key" not in given:
            metadata.add("idempotency-key", str(uuid4()))
        if self._token is not None and "authorization" not in given:
            metadata.add("authorization", f"Bearer {self._token()}")
        traceparent = current_traceparent()
        if traceparent is not None and "traceparent" not in given:
            metadata.add("traceparent", traceparent)
        timeout = details.timeout if details.timeout is not None else self._deadline_seconds
        call = ClientCallDetails(details.method, timeout, metadata, details.credentials, self._wait_for_ready)
        return await continuation(call, request)


def connect(
    address: str,
    token: Callable[[], str] | None = None,
    *,
    deadline_seconds: float = _DEADLINE_SECONDS,
    wait_for_ready: bool = False,
) -> Channel:
    """Return a channel for the generated stubs; it retries calls that the service was not there to answer.

    The idempotency key is made once a call, so every retry of it carries the same.
    """
    channel: Channel = grpc.aio.insecure_channel(
        address,
        options=[
            ("grpc.service_config", _SERVICE_CONFIG),
            ("grpc.enable_retries", 1),
            ("grpc.max_receive_message_length", 16 * 2**20),
            # A process that is back is called again at once; gRPC's own pause grows to two minutes.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ],
        interceptors=[_Metadata(token, deadline_seconds, wait_for_ready=wait_for_ready)],
    )
    return channel


def token_in(file: Path) -> Callable[[], str]:
    """Return the token that a file holds, read anew for each call."""
    return lambda: file.read_text().strip()
