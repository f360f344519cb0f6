"""Matching's tables; the migrations make them."""

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

candidates = Table(
    "candidates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("workplace", Text, nullable=False),
    Column("topics", JSONB, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("languages", JSONB, nullable=False),
    Column("enrolled_at", DateTime(timezone=True), nullable=False),
    Column("ready", Boolean, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Index("candidates_person", "programme_id", "person_id"),
)

positions = Table(
    "positions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("managers", JSONB, nullable=False),
    Column("active", Boolean, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("programme_id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("started", Integer, nullable=False),
    Column("proposals", Integer, nullable=False),
    Column("unmatched", JSONB, nullable=False),
    Column("total_fit", Integer, nullable=False),
    Column("inputs_hash", Text, nullable=False),
    Column("answer_days", Integer, nullable=False),
    Index("runs_number", "programme_id", "started", unique=True),
    Index("runs_one_at_a_time", "programme_id", unique=True, postgresql_where=text("state = 'solving'")),
)

proposals = Table(
    "proposals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("run_id", Uuid, nullable=False),
    Column("programme_id", Uuid, nullable=False),
    Column("site", Text, nullable=False),
    Column("mentor_id", Uuid, nullable=False),
    Column("mentee_id", Uuid, nullable=False),
    Column("explanation", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("accepted_by", JSONB, nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("decline_reason", Text),
    Index("proposals_run", "run_id"),
    Index("proposals_mentor", "programme_id", "mentor_id"),
    # A mentee answers one proposal at a time.
    Index(
        "proposals_one_open",
        "programme_id",
        "mentee_id",
        unique=True,
        postgresql_where=text("state IN ('staged', 'published', 'accepted')"),
    ),
)

pairs = Table(
    "pairs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("programme_id", Uuid, nullable=False),
    Column("site", Text, nullable=False),
    Column("mentor_id", Uuid, nullable=False),
    Column("mentee_id", Uuid, nullable=False),
    Column("dissolved", Boolean, nullable=False),
    Index("pairs_mentor", "programme_id", "mentor_id"),
    Index("pairs_one_each", "programme_id", "mentee_id", unique=True, postgresql_where=text("NOT dissolved")),
)
