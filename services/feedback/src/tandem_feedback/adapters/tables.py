"""Feedback's tables; the migrations make them."""

from sqlalchemy import Column, Date, Index, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

questionnaires = Table(
    "questionnaires",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("programme_id", Uuid, nullable=False, unique=True),
    Column("questions", JSONB, nullable=False),
    Column("state", Text, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("questionnaire_id", Uuid, nullable=False),
    Column("programme_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("site", Text, nullable=False),
    Column("claim_digest", Text),
    Index("invitations_once", "questionnaire_id", "person_id", unique=True),
    Index("invitations_person", "person_id"),
)

# No person and no hour in these two: see tandem_feedback.domain.tokens.
responses = Table(
    "responses",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("questionnaire_id", Uuid, nullable=False),
    Column("programme_id", Uuid, nullable=False),
    Column("site", Text, nullable=False),
    Column("answered_on", Date, nullable=False),
    Column("answers", JSONB, nullable=False),
    Index("responses_programme", "programme_id"),
)

spent_tokens = Table(
    "spent_tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("answers_digest", Text, nullable=False),
)

participations = Table(
    "participations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("site", Text, nullable=False),
    Column("format", Text, nullable=False),
    Index("participations_programme", "programme_id"),
)

held_sessions = Table(
    "held_sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme_id", Uuid, nullable=False),
    Column("site", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("mentor_ids", JSONB, nullable=False),
    Index("held_sessions_programme", "programme_id"),
)

ended_programmes = Table("ended_programmes", metadata, Column("id", Uuid, primary_key=True))
