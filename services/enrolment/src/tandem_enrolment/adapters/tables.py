"""Enrolment's tables; the migrations make them."""

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

people = Table(
    "people",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("reference", Text, nullable=False, unique=True),
    Column("given_name", Text, nullable=False),
    Column("family_name", Text, nullable=False),
    Column("mail", Text, nullable=False),
    Column("workplace", Text, nullable=False),
    Column("manager_id", Uuid),
    Column("functional_manager_id", Uuid),
    Column("department", Text, nullable=False),
    Column("grade_band", Text, nullable=False),
    Column("career_stage", Text, nullable=False),
    Column("languages", JSONB, nullable=False),
    Column("active", Boolean, nullable=False),
    Index("people_workplace", "workplace"),
)

sites = Table(
    "sites",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("site", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("done", JSONB, nullable=False),
    Column("open", Boolean, nullable=False),
)

programmes = Table(
    "programmes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("blueprint", JSONB, nullable=False),
    Column("state", Text, nullable=False),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("programme_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("topics", JSONB, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("languages", JSONB, nullable=False),
    Column("availability", JSONB, nullable=False),
    Column("enrolled_at", DateTime(timezone=True), nullable=False),
    Column("training", JSONB, nullable=False),
    Column("certified", Boolean, nullable=False),
    Column("briefed", Boolean, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Index("enrolments_person", "person_id", "programme_id"),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("state", Text, nullable=False),
)

import_lines = Table(
    "import_lines",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("import_id", Uuid, nullable=False),
    Column("line", Integer, nullable=False),
    *(
        Column(name, Text, nullable=False)
        for name in (
            "reference",
            "given_name",
            "family_name",
            "mail",
            "site",
            "manager_reference",
            "functional_manager_reference",
            "department",
            "grade_band",
            "career_stage",
            "languages",
            "status",
        )
    ),
    Index("import_lines_import", "import_id"),
)
