"""The command as a process of its own, as a shell and a scheduler see it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest

from tests.worker.cli.world import LEAST, Command, environment

KEY = base64.b64encode(bytes(32)).decode()


def test_standard_output_carries_the_result_alone(makegood: Command) -> None:
    name = makegood.file("r.jsonl", [LEAST])
    ran = makegood.apart("import", "roster", name, "--json", LOG_LEVEL="DEBUG")
    assert (ran.code, ran.rows, ran.err) == (0, [{"added": 1, "changed": 0, "unchanged": 0}], "")


def test_a_listing_is_utf_8_whatever_the_locale_says(makegood: Command) -> None:
    makegood("import", "roster", makegood.file("r.jsonl", [{**LEAST, "membership": "Zoë 😀"}]))
    makegood("reconcile", "--as-of", "2024-02-01")
    ran = _shell(makegood, "findings", PYTHONIOENCODING="latin-1")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "Zoë 😀" in ran.stdout.decode("utf-8")


def test_output_that_cannot_be_written_is_3_and_one_line(makegood: Command) -> None:
    makegood("import", "roster", makegood.file("r.jsonl", [LEAST]))
    makegood("reconcile", "--as-of", "2024-02-01")
    ran = _shell(makegood, "findings --json > /dev/full")
    assert ran.returncode == 3
    assert ran.stderr == b"makegood: the output cannot be written: No space left on device\n"


def test_a_closed_stream_keeps_nothing_from_being_done(makegood: Command) -> None:
    ran = _shell(makegood, f"import roster {makegood.file('r.jsonl', [LEAST])} >&- 2>&-")
    assert ran.returncode == 0
    assert makegood("explain", "M-1").code == 0


def _shell(makegood: Command, line: str, **outside: str) -> subprocess.CompletedProcess[bytes]:
    """What a shell makes of the rest of a line, with what was written as it was written."""
    shell = ["sh", "-c", f'exec "$0" -m worker.cli {line}', sys.executable]
    return subprocess.run(
        shell, cwd=makegood.folder, env=environment({}) | outside, capture_output=True, timeout=60, check=False
    )


def test_bad_input_is_2_and_one_line(makegood: Command) -> None:
    ran = makegood.apart("import", "roster", makegood.file("r.jsonl", ["{}"]))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "makegood: r.jsonl:1: membership: text of 1 to 128 characters is expected, and nothing is there\n"


@pytest.mark.parametrize("command", ["findings", "migrate", "reconcile", "doctor"])
def test_a_database_that_is_away_is_3_and_no_traceback(makegood: Command, command: str) -> None:
    away = "postgresql://nobody@127.0.0.1:1/none"
    ran = makegood.apart(command, DATABASE_URL=away, ENCRYPTION_KEYS=KEY)
    assert ran.code == 3
    assert "Traceback" not in ran.err
    if command != "doctor":
        assert len(ran.err.splitlines()) == 1
        assert ran.err.startswith("makegood: the database is not reachable: ")


def test_a_worker_and_its_executor_that_find_no_database_end_with_3_to_be_started_again(
    makegood: Command, redis_url: str
) -> None:
    away = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "ENCRYPTION_KEYS": KEY, "MODE": "live"}
    ran = makegood.apart("work", BROKER_URL=redis_url, **away)
    assert (ran.code, len(ran.err.splitlines())) == (3, 1)
    arguments = [sys.executable, "-m", "worker.money.child"]
    child = subprocess.run(arguments, env=environment(away), capture_output=True, text=True, timeout=60, check=False)
    assert child.returncode == 3
    assert "Traceback" not in child.stderr


def test_a_folder_that_is_not_there_is_3(makegood: Command) -> None:
    ran = makegood.apart("findings", DATABASE_URL="sqlite:///no/such/folder/makegood.db")
    assert (ran.code, len(ran.err.splitlines())) == (3, 1)


def test_a_file_that_is_no_database_is_3(makegood: Command) -> None:
    (makegood.folder / "makegood.db").write_bytes(b"not a database at all, and long enough to be read as one" * 20)
    ran = makegood.apart("findings")
    assert (ran.code, len(ran.err.splitlines())) == (3, 1)


def test_a_shared_database_is_migrated_only_when_somebody_says_so(makegood: Command, postgres_url: str) -> None:
    settings = {"DATABASE_URL": postgres_url, "ENCRYPTION_KEYS": KEY}
    before = makegood.apart("findings", **settings)
    said = "makegood: the database has not the current schema: run `makegood migrate`\n"
    assert (before.code, before.err) == (3, said)
    assert makegood.apart("migrate", **settings).code == 0
    name = makegood.file("r.jsonl", [LEAST])
    assert makegood.apart("import", "roster", name, **settings).code == 0
    (row, *_) = makegood.apart("doctor", "--json", **settings).rows
    assert row == {"check": "settings", "state": "fine", "said": "read"}
    told = makegood.apart("explain", "M-1", "--json", **settings)
    assert json.loads(told.out)["membership"] == "M-1"


def test_a_reader_that_leaves_early_is_no_error(makegood: Command) -> None:
    rows = [{**LEAST, "membership": f"M-{n}"} for n in range(200)]
    makegood.apart("import", "roster", makegood.file("r.jsonl", rows))
    makegood.apart("reconcile", "--as-of", "2024-12-31")
    with subprocess.Popen(
        [sys.executable, "-m", "worker.cli", "findings", "--json"],
        cwd=makegood.folder,
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.readline()
        command.stdout.close()
        err = command.stderr.read()
        assert (command.wait(60), err) == (0, b"")
