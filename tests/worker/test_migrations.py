"""The migrations make the schema that the code expects, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect
from sqlalchemy.engine.interfaces import ReflectedIndex

from worker.engine import MIGRATIONS, alembic_config, at_head, head, make_engine, migrate
from worker.schema import metadata


def test_history_is_one_line() -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    assert script.get_heads() == [head()]
    assert len(script.get_bases()) == 1
    assert [r.revision for r in script.walk_revisions()][::-1] == [
        f"{n:04}" for n in range(1, len(list(script.walk_revisions())) + 1)
    ]


def test_empty_database_is_not_at_head(empty_engine: Engine) -> None:
    assert not at_head(empty_engine)


def test_up_makes_exactly_the_schema(engine: Engine) -> None:
    assert at_head(engine)
    assert set(inspect(engine).get_table_names()) == set(metadata.tables) | {"alembic_version"}
    with engine.begin() as conn:
        command.check(alembic_config(conn))


def test_repeating_is_harmless(engine: Engine) -> None:
    migrate(engine)
    assert at_head(engine)


def test_down_leaves_nothing(engine: Engine) -> None:
    with engine.begin() as conn:
        command.downgrade(alembic_config(conn), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migrate(engine)
    assert at_head(engine)


def test_several_at_once(database_url: str) -> None:
    engines = [make_engine(database_url) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(migrate, engines))
    assert all(map(at_head, engines))
    for engine in engines:
        engine.dispose()


def test_migrated_and_declared_are_the_same(engine: Engine) -> None:
    """`alembic check` does not look at CHECK constraints, and not at all of an index."""
    migrated = _described(engine)
    with engine.begin() as conn:
        command.downgrade(alembic_config(conn), "base")
    metadata.create_all(engine)
    assert migrated == _described(engine)


def _described(engine: Engine) -> dict[str, str]:
    found = inspect(engine)
    return {
        table: repr(
            (
                found.get_columns(table),
                found.get_pk_constraint(table),
                sorted(map(repr, found.get_unique_constraints(table))),
                sorted(map(repr, found.get_check_constraints(table))),
                sorted(_index(index) for index in found.get_indexes(table)),
            )
        )
        for table in metadata.tables
    }


def _index(index: ReflectedIndex) -> str:
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return repr((index["name"], index["column_names"], index["unique"], options))
