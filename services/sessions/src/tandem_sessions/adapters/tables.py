"""Sessions' tables; the migrations make them."""

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

dates = Table(
    "programme_dates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("ended", Boolean, nullable=False),
)

mentors = Table(
    "mentors",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("certified", Boolean, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Index("mentors_person", "person_id"),
)

open_sites = Table(
    "open_sites",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False),
)

employees = Table(
    "employees",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("active", Boolean, nullable=False),
)

curricula = Table(
    "curricula",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("modules", JSONB, nullable=False),
    Column("one_to_one", JSONB, nullable=False),
    Column("collective", JSONB(none_as_null=True)),
)

charters = Table(
    "charters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("programme_id", Uuid, nullable=False),
    Column("site", Text, nullable=False),
    Column("mentor_id", Uuid, nullable=False),
    Column("mentee_id", Uuid, nullable=False),
    Column("objectives", JSONB, nullable=False),
    Column("signed_by", JSONB, nullable=False),
    Column("closed", Boolean, nullable=False),
)

agendas = Table(
    "agendas",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("engagements", JSONB, nullable=False),
)

sessions = Table(
    "mentoring_sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("programme_id", Uuid, nullable=False),
    Column("format", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("module", Text, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("mentor_ids", JSONB, nullable=False),
    Column("seats", Integer, nullable=False),
    Column("pair_id", Uuid),
    Column("state", Text, nullable=False),
    Column("participant_ids", JSONB, nullable=False),
    Column("waitlist", JSONB, nullable=False),
    Column("attendance", JSONB, nullable=False),
    Index("mentoring_sessions_pair", "pair_id"),
    Index("mentoring_sessions_site", "programme_id", "site", "state"),
)
