"""Write a migration from the difference between `worker/schema.py` and what the migrations build:

    python -m worker.migrations "what changes and why"    a further one, after the last
    python -m worker.migrations --initial                 the first one anew (only until the first release)

It is written against an empty SQLite database and then read by a person: the tests hold it to the schema on both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from worker.engine import MIGRATIONS, alembic_config, make_engine

VERSIONS = MIGRATIONS / "versions"


def write(message: str, revision: str, folder: Path) -> None:
    """Make the migration `revision`; `folder` is for the database that it is compared with."""
    engine = make_engine(f"sqlite:///{folder / 'empty.db'}")
    with engine.begin() as conn:
        config = alembic_config(conn)
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        # SQLite alters a table by making it anew, which is what a batch does; the first migration alters none.
        config.attributes["batch"] = revision != "0001"
        command.upgrade(config, "head")
        command.revision(config, message, autogenerate=True, rev_id=revision)
    engine.dispose()
    for path in VERSIONS.glob(f"{revision}_*.py"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("    # ###")), encoding="utf-8")
    for tool in (["format", "--quiet"], ["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *tool, str(VERSIONS)], check=True)  # noqa: S603 - our own files


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise SystemExit(__doc__)
    known = sorted(VERSIONS.glob("[0-9]*.py"))
    message, revision = arguments[0], f"{len(known) + 1:04}"
    if message == "--initial":
        if len(known) > 1:
            raise SystemExit("there are later migrations: write a further one")
        for path in known:
            path.unlink()
        message, revision = "initial", "0001"
    with tempfile.TemporaryDirectory() as folder:
        write(message, revision, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
