"""What Alembic runs: on the connection that it was handed (`worker.engine.alembic_config`), in its transaction where it
has one, else each migration in one of its own."""

from __future__ import annotations

import warnings
from typing import Any, Literal

from alembic import context

from worker.schema import Json, UtcDateTime, metadata


def _plain_types(kind: str, item: Any, autogen: Any) -> str | Literal[False]:  # noqa: ANN401 - Alembic's own
    """Write our own types as what the database sees: a migration must not change when the code does."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and item is Json:
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def _run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=_plain_types,
        render_as_batch=context.config.attributes.get("batch", False),
        compare_server_default=True,
        transaction_per_migration=True,
        apart=context.config.attributes.get("apart", False),
    )
    with context.begin_transaction(), warnings.catch_warnings():
        # Of indexes that only Postgres has, when models and an SQLite file are compared.
        warnings.filterwarnings("ignore", "autogenerate skipping metadata-specified expression-based index")
        context.run_migrations()


_run()
