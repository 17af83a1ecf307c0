"""The composition is one that the real docker-compose takes (it holds it against the Compose specification), and every
part of it is locked down."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from tests.conftest import ROOT

_SECRETS = {
    "POSTGRES_PASSWORD": "p0stgres",
    "REDIS_PASSWORD": "r3dis",
    "MAKEGOOD_ENCRYPTION_KEYS": "made-up",
}
_MONEY_KEYS = {"MAKEGOOD_STRIPE_API_KEY", "MAKEGOOD_PAYPAL_CLIENT_SECRET"}
# Fixed in the image: it listens on all its addresses, on the one port that is published.
_SET_BY_IMAGE = {"MAKEGOOD_HOST", "MAKEGOOD_PORT"}

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the docker-compose and hadolint that ./run fetches are for Linux on x86_64",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("docker-compose.yml", ".env.example", "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    answer = _config(ROOT, "--format", "json", **_SECRETS)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, dict[str, Any]] = json.loads(answer.stdout)["services"]
    return found


def test_the_filled_in_example_makes_a_valid_composition(checkout: Path) -> None:
    answer = _config(checkout, "--quiet", **_SECRETS)

    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("missing", sorted(_SECRETS))
def test_a_secret_left_empty_is_refused_by_name(checkout: Path, missing: str) -> None:
    answer = _config(checkout, "--quiet", **{**_SECRETS, missing: ""})

    assert answer.returncode != 0
    assert missing in answer.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("condition: service_healthy", "condition: service_helthy"),
        ("networks: [inside]", "networks: [insight]"),
        ("  migrate:\n    condition", "  migration:\n    condition"),
        ("read_only: true", "readonly: true"),
    ],
)
def test_a_broken_copy_is_refused(checkout: Path, right: str, wrong: str) -> None:
    file = checkout / "docker-compose.yml"
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong, 1))

    assert _config(checkout, "--quiet", **_SECRETS).returncode != 0


def test_the_recipe_of_the_image_follows_good_practice(checkout: Path) -> None:
    assert _hadolint(checkout) == ""
    recipe = checkout / "Dockerfile"
    recipe.write_text(recipe.read_text().replace("ENTRYPOINT [", "ENTRYPOINT "))
    assert "DL3025" in _hadolint(checkout)  # it does look


def test_no_part_can_gain_rights_or_write_outside_its_volumes(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {"postgres", "redis", "migrate", "web", "work", "clock"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"] not in {"", "root", "0"}, name
        assert service["logging"]["options"]["max-size"] == "10m", name


def test_the_database_and_the_queue_are_reached_from_inside_only(services: dict[str, dict[str, Any]]) -> None:
    for name in ("postgres", "redis"):
        assert list(services[name]["networks"]) == ["inside"]
        assert "ports" not in services[name]
    assert [port["host_ip"] for port in services["web"]["ports"]] == ["127.0.0.1"]


def test_nothing_starts_before_the_schema_is_current(services: dict[str, dict[str, Any]]) -> None:
    for name in ("web", "work", "clock"):
        waits = {other: how["condition"] for other, how in services[name]["depends_on"].items()}
        assert waits == {
            "postgres": "service_healthy",
            "redis": "service_healthy",
            "migrate": "service_completed_successfully",
        }


def test_what_faces_the_internet_holds_no_key_that_moves_money(services: dict[str, dict[str, Any]]) -> None:
    assert not _MONEY_KEYS & set(services["web"]["environment"])
    assert set(services["work"]["environment"]) >= _MONEY_KEYS


def test_every_setting_can_be_given_and_every_given_one_exists(services: dict[str, dict[str, Any]]) -> None:
    given = {name for service in services.values() for name in service.get("environment", {})}
    known = {f"MAKEGOOD_{name.upper()}" for name in Settings.model_fields}

    assert {name for name in given if name.startswith("MAKEGOOD_")} == known - _SET_BY_IMAGE
    example = {line.lstrip("#").partition("=")[0] for line in (ROOT / ".env.example").read_text().splitlines()}
    assert {name for name in example if name.startswith("MAKEGOOD_")} - {"MAKEGOOD_PUBLISH"} <= known


def _hadolint(folder: Path) -> str:
    program = Path(sys.executable).with_name("hadolint")
    return subprocess.run([program, "Dockerfile"], capture_output=True, text=True, check=False, cwd=folder).stdout


def _config(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("docker-compose")
    assert program.is_file(), "./run test fetches docker-compose into .venv"
    return subprocess.run(
        [program, "-f", "docker-compose.yml", "--env-file", ".env.example", "config", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
    )
