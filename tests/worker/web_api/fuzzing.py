"""Schemathesis over the API: it reads the OpenAPI document, sends what fits it and what does not, and holds each answer
against it. The database has what the document's examples name."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from unittest.mock import patch

from tests.worker import world
from tests.worker.web_api.stands import Api, Stand, fill
from worker import nightly
from worker.judging import reconcile_all
from worker.store.facts import store_facts
from worker.web.api import access
from worker.web.api.examples import EXAMPLES

# A row may fit the document and still not hold together (an end before the start): that is refused, and rightly.
NOT_CHECKED = "positive_data_acceptance"


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What a run came to: how many requests were made, whether any answer was wrong, and what was said of it."""

    requests: int
    wrong: bool
    said: str


PHASES = "examples,coverage,fuzzing,stateful"


def fuzz(
    stand: Stand, *, examples: int, seed: int, folder: Path, phases: str = PHASES, seconds: int | None = None
) -> Fuzzed:
    """Send `examples` generated requests to each operation, beside the other phases: the document's own examples, one
    request for every keyword of it, and chains of them. With `seconds` it goes on until they are over, and no longer.
    `folder` takes the night's report."""
    client = Api(stand.base, stand.runtime)
    fill(stand.runtime)
    _fill_examples(client, folder)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{client.base}/openapi.json"]
    command += [
        "-H",
        f"Authorization: Bearer {client.tokens['all']}",
        "--seed",
        str(seed),
        "--max-examples",
        str(examples),
    ]
    command += [
        "--checks",
        "all",
        "--exclude-checks",
        NOT_CHECKED,
        "--continue-on-failure",
        "--no-color",
        "--phases",
        phases,
    ]
    if seconds is not None:
        command += ["--max-time", str(seconds)]
    # Every operation is tried with a bad token: here each is to be told so, and not to come again later.
    with tempfile.TemporaryDirectory() as apart, patch.object(access, "BAD_TOKENS_MAX", sys.maxsize):
        done = subprocess.run(command, cwd=apart, capture_output=True, text=True, check=False)
    client.http.close()
    found = re.search(r"(\d+) generated", done.stdout)
    return Fuzzed(int(found[1]) if found else 0, done.returncode != 0, done.stdout + done.stderr)


def _fill_examples(client: Api, folder: Path) -> None:
    put = client("PUT", "/memberships/M-1001", json={**EXAMPLES["put_membership"], "started_on": "2026-01-08"})
    assert put.status_code == 201, put.text
    twice = [world.charge(f"ch_{n}", date(2026, 3, 8 + n - 1000), customer="cus_1001") for n in (1000, 1001)]
    with client.runtime.engine.begin() as conn:
        store_facts(conn, client.runtime.keyring, world.told(*twice))
    reconcile_all(client.runtime, date(2026, 3, 20))
    claim = client("POST", "/claims", json={**EXAMPLES["make_claim"], "received_at": "2026-03-12T09:00:00-05:00"})
    assert claim.status_code == 200, claim.text
    settings = client.runtime.settings.model_copy(update={"report_dir": folder})
    nightly.run_night(replace(client.runtime, settings=settings), date(2026, 3, 20))
