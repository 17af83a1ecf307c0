"""`docs/api.md` and the OpenAPI document are true: each request of the guide is sent, and each shape is held against
what is answered."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.conftest import ROOT
from tests.worker.cli.world import charge_event
from tests.worker.schemas import Schemas
from tests.worker.web_api.fuzzing import fuzz
from tests.worker.web_api.stands import Api, standing
from worker.accounts.roles import Permission, Role, permissions_of
from worker.web.api import shapes
from worker.web.api.examples import EXAMPLES

GUIDE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
ANY = "…"


def steps() -> Iterator[tuple[list[str], Any]]:
    """Each request of the guide, as the words of its command, with the answer that stands below it."""
    for command, answer in re.findall(r"```sh\n(curl .*?)```\n\n```json\n(.*?)```", GUIDE, re.DOTALL):
        yield shlex.split(command.replace("\\\n", " ")), json.loads(answer)


def sent(called: Api, words: list[str], folder: Path, named: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Do what curl does with these words."""
    words = [re.sub(r"\$(\w+)", lambda found: named[found[1]], word) for word in words[1:]]
    method, headers, body, address = "GET", {}, None, ""
    rest = iter(words)
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word in {"-d", "--data-binary"}:
            given = next(rest)
            body = (folder / given[1:]).read_bytes() if given.startswith("@") else given.encode()
        else:
            address = word
    return called(method, address, None, headers=headers, content=body).json()


def fits(expected: Any, found: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether it is what the guide shows, where that is not left open."""
    if expected == ANY:
        return True
    if isinstance(expected, dict) and isinstance(found, dict):
        return list(expected) == list(found) and all(fits(expected[name], found[name]) for name in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(fits, expected, found))
    return bool(expected == found)


def test_every_request_of_the_guide_is_answered_as_it_says(sqlite_url: str, schemas: Schemas, tmp_path: Path) -> None:
    days = {"ch_0": date(2026, 1, 8), "ch_1": date(2026, 2, 8), "ch_2": date(2026, 3, 8), "ch_twice": date(2026, 3, 9)}
    lines = [json.dumps(charge_event(name, day, 29900, "cus_1001")) for name, day in days.items()]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    schemas.put(sqlite_url)
    with standing(sqlite_url, plain=False) as stand:
        called = Api(stand.base, stand.runtime)
        named = {"API": called.base, "TOKEN": called.tokens["all"], "ADA": called.tokens["approver"]}
        told = [(words, expected, sent(called, words, tmp_path, named)) for words, expected in steps()]
        called.http.close()

    assert len(told) == 7
    for words, expected, found in told:
        assert fits(expected, found), (words, json.dumps(found))


def test_the_guide_has_every_scope_of_every_role() -> None:
    rows = dict(re.findall(r"^\| (\w+) \| (`(?:read|write):.*`) \|$", GUIDE, re.MULTILINE))

    assert {role: set(re.findall("`(.*?)`", scopes)) for role, scopes in rows.items()} == {
        str(role): {str(scope) for scope in permissions_of([role])} for role in Role
    }
    assert {scope for scope in Permission if f"`{scope}`" not in GUIDE} == set()


def test_the_guide_has_every_address(called: Api) -> None:
    shown = re.sub(r"\{(json,html,xlsx)\}", "{form}", GUIDE).replace("{date}", "{night}").replace("{id}", "{claim}")
    paths = called.get("/openapi.json", None)["paths"]

    assert [path for path in paths if path not in shown and not path.endswith("/changes")] == []


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/findings", shapes.Findings),
        ("/remedies", shapes.Remedies),
        ("/claims", shapes.Claims),
        ("/memberships", shapes.Memberships),
        ("/explain/M-1", shapes.Explained),
        ("/members/M-1/export", shapes.Exported),
        ("/switch", shapes.Switch),
        ("/audit", shapes.AuditEntries),
        ("/audit/verify", shapes.Verified),
    ],
)
def test_what_is_answered_has_the_shape_that_the_document_says(called: Api, path: str, shape: type[BaseModel]) -> None:
    example = {**EXAMPLES["make_claim"], "membership": "M-1", "received_at": "2026-03-12T09:00:00-05:00"}
    assert called("POST", "/claims", json=example).status_code == 200

    shape.model_validate_json(called("GET", path).text, strict=False)


def test_what_the_document_shows_is_taken(called: Api) -> None:
    assert called("PUT", "/memberships/M-1001", json=EXAMPLES["put_membership"]).status_code == 201
    assert called("POST", "/memberships/M-1001/notices", json=EXAMPLES["tell_notice"]).status_code == 200
    assert called("POST", "/memberships/M-1001/changes", json=EXAMPLES["tell_change"]).status_code == 200
    assert called("POST", "/claims", json=EXAMPLES["make_claim"]).status_code == 200
    for name, path in (("correct_member", "members/M-1001/correct"), ("restrict_member", "members/M-1001/restrict")):
        assert called("POST", f"/{path}", json=EXAMPLES[name]).status_code == 200
    for name in ("stop", "resume"):
        assert called("POST", f"/switch/{name}", json=EXAMPLES[f"{name}_money"]).status_code == 200
    document = called.get("/openapi.json", None)
    assert document["servers"] == [{"url": "/api/v1"}]
    assert "://" not in json.dumps({name: part for name, part in document.items() if name != "info"})


def test_no_answer_is_a_5xx_or_another_than_the_document_says(
    sqlite_url: str, schemas: Schemas, tmp_path: Path
) -> None:
    schemas.put(sqlite_url)
    with standing(sqlite_url, plain=False) as stand:
        fuzzed = fuzz(stand, examples=3, seed=1, folder=tmp_path, phases="examples,fuzzing")

    assert fuzzed.requests > 100, fuzzed.said
    assert not fuzzed.wrong, fuzzed.said
