"""Brings a service's database to this version's shape, with Alembic."""

import asyncio
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool
from sqlalchemy.ext.asyncio import create_async_engine

from tandem_kit.tables import KIT


def config_for(name: str, database_url: str) -> Config:
    """Return Alembic's configuration for one service; its scripts are in `services/<name>/migrations`."""
    config = Config()
    root = Path(str(files(import_module(f"tandem_{name}")))).parents[1]
    config.set_main_option("script_location", str(root / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
    return config


def migrate(name: str, database_url: str) -> None:
    """Apply every migration that the database lacks; two at once wait for each other."""
    command.upgrade(config_for(name, database_url), "head")


def run_migrations(metadata: MetaData) -> None:
    """Run what Alembic asked for; each service's `env.py` is this one call."""

    def on(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(504238)")
        context.configure(connection=connection, target_metadata=[KIT, metadata])
        with context.begin_transaction():
            context.run_migrations()

    async def connect() -> None:
        engine = create_async_engine(context.config.attributes["url"], poolclass=pool.NullPool)
        async with engine.begin() as connection:
            await connection.run_sync(on)
        await engine.dispose()

    asyncio.run(connect())


def wake_the_relay() -> None:
    """Tell the relay of every transaction that wrote to the outbox; once a transaction, whatever it wrote."""
    op.execute(
        "CREATE FUNCTION wake_the_relay() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('outbox', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER wake_the_relay AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_the_relay()"
    )
