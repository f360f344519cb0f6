"""Every metric of a Tandem service, in one list."""

from prometheus_client import Counter, Gauge, Histogram

RPC_SECONDS = Histogram(
    "rpc_server_call_duration_seconds", "Time to answer a gRPC call.", ["service", "method", "code"]
)
HANDLE_SECONDS = Histogram(
    "messaging_process_duration_seconds", "Time to apply a batch of records.", ["service", "outcome"]
)
RECORDS = Counter("tandem_records_total", "Records read from Kafka, by what became of them.", ["service", "outcome"])
EVENT_AGE = Histogram(
    "tandem_event_age_seconds",
    "From the record's arrival at the broker to its effect here.",
    ["service"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000),
)
PUBLISHED = Counter("tandem_events_published_total", "Events that Kafka acknowledged.", ["service"])
PUBLISH_FAILURES = Counter("tandem_publish_failures_total", "Rounds of the relay that failed.", ["service"])
OUTBOX_OLDEST = Gauge("tandem_outbox_oldest_seconds", "Age of the oldest event not yet published.", ["service"])
PARKED = Gauge("tandem_parked_events", "Events set aside for a person to look at.", ["service", "kind"])
PARKED_OLDEST = Gauge("tandem_parked_oldest_seconds", "Age of the oldest event that is set aside.", ["service"])
CONSUMER_HALTED = Gauge(
    "tandem_consumer_halted",
    "1 while the consumer reads nothing: a flood of events that cannot be applied, or an offset that is gone.",
    ["service", "reason"],
)
TIMERS = Counter("tandem_timers_total", "Timers run, by outcome.", ["service", "outcome"])
BUILD_INFO = Gauge("tandem_build_info", "1, with the version that runs.", ["service", "version"])
