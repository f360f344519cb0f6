"""One trace from a call through its SQL, the outbox and Kafka to the neighbour's handler and its SQL."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanKind, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes
from sqlalchemy.ext.asyncio import AsyncEngine

_tracer = trace.get_tracer("tandem")
_propagator = TraceContextTextMapPropagator()


def set_up_tracing(service: str, file: Path | None, ratio: float) -> TracerProvider:
    """Record the given share of traces, one span a line of `file`; a caller's decision is followed."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": service}), sampler=ParentBased(_RatioOrLinked(ratio))
    )
    if file is not None:
        exporter = ConsoleSpanExporter(
            out=file.open("a", buffering=1), formatter=lambda span: (span.to_json(indent=None) or "") + "\n"
        )
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    return provider


class _RatioOrLinked(TraceIdRatioBased):
    """A share of the new traces, and every batch that carries an event of a recorded trace."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if any(link.context.trace_flags.sampled for link in links or ()):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return super().should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)


def trace_sql(engine: AsyncEngine) -> None:
    """Give every statement of the engine its span."""
    SQLAlchemyInstrumentor().instrument(engine=engine.sync_engine)


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    parent: Context | None = None,
    links: Sequence[Link] = (),
    attributes: Mapping[str, str | int] | None = None,
) -> Iterator[Span]:
    """Run what follows in a span of its own; where it is not recorded, nor are the statements below it."""
    with (
        # Not the exception itself: PostgreSQL quotes values in its text.
        _tracer.start_as_current_span(
            name, context=parent, kind=kind, links=links, attributes=attributes, record_exception=False
        ) as begun,
        nullcontext() if begun.is_recording() else suppress_instrumentation(),
    ):
        yield begun


def start_span(name: str, kind: SpanKind, traceparent: str) -> tuple[Span, str]:
    """Begin a span below another one, to be ended by hand; return it with its own `traceparent`."""
    begun = _tracer.start_span(name, context_from({"traceparent": traceparent}), kind)
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(begun))
    return begun, carrier["traceparent"]


def context_from(carrier: Mapping[str, str]) -> Context:
    """Return the trace that a caller or a record belongs to."""
    return _propagator.extract(dict(carrier))


def current_traceparent() -> str | None:
    """Return the W3C `traceparent` of the current span, where there is one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def link_to(traceparent: str) -> Link:
    """Return a link to another span."""
    return Link(trace.get_current_span(context_from({"traceparent": traceparent})).get_span_context())


def is_sampled(traceparent: str | None) -> bool:
    """Tell whether the trace is recorded (the last bit of its flags)."""
    return traceparent is not None and traceparent[-1:] in {"1", "3", "5", "7", "9", "b", "d", "f"}
