"""A real browser before the console of a made-up merchant, whose money goes to a bank over HTTP.

The browser is the system's Chromium (on Debian: apt-get install chromium). Where there is none these tests are reported
as not run; with REQUIRE_BROWSER=1, as in CI, that is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, StorageState, sync_playwright

from tests.conftest import ROOT
from worker import judging, nightly
from worker.accounts import users
from worker.accounts.roles import Role
from worker.money.executor import issue_due
from worker.sandbox import demo
from worker.sandbox.deliveries import posted
from worker.sandbox.demo import Demo
from worker.sandbox.stories import world
from worker.web.app import create_app
from worker.web.console.routes import routes
from worker.web.serve import serving

SCREENS = ROOT / ".build" / "screens"
MEMBERS, MONTHS, SEED = 40, 6, 3
PASSWORD = "a password of one's own"
PEOPLE = {
    "Ada Clerk": Role.CLERK,
    "Ben Approver": Role.APPROVER,
    "Dan Auditor": Role.AUDITOR,
    "Eve Privacy": Role.PRIVACY,
}
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        said = "no Chromium on this machine (on Debian and Ubuntu: apt-get install chromium)"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(said)
        pytest.skip(said)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield launched
        launched.close()


@dataclass
class House:
    """The merchant's console, and the bank behind it."""

    demo: Demo
    base: str
    signed_in: dict[str, StorageState] = field(default_factory=dict)  # what the browser of each person held then

    def send_money(self) -> None:
        """What the worker does by itself: issue what is due, and hear from the bank."""
        issue_due(self.demo.product)
        self.demo.bank.book.tick()


@pytest.fixture(scope="package")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:  # noqa: ARG001 - none without it
    made = world(MEMBERS, MONTHS, SEED)
    with demo.quietly(), ExitStack() as stack:
        here = demo.set_up(made, tmp_path_factory.mktemp("browser"), SEED, stack)
        demo.import_roster(here)
        demo._deliver(here, posted(made.told, SEED))
        judging.reconcile_all(here.product, made.last_day, everything=True)
        with suppress(Exception):
            nightly.run_night(here.product, made.last_day)
        for name, role in PEOPLE.items():
            users.add(here.product, name, [role], PASSWORD, "operator")
        yield House(here, stack.enter_context(serving(create_app(here.product, routes=routes(here.product)))))


@dataclass
class Visit:
    """One person at one browser; what the browser had to complain about is kept."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda fault: self.complaints.append(str(fault)))
        self.page.on("request", self._within)

    def _within(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:")):
            self.complaints.append(f"a request left for {request.url}")

    def sign_in(self, name: str) -> None:
        self.page.goto(f"{self.base}/console")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_text(name).wait_for()

    def go(self, path: str) -> None:
        self.page.goto(f"{self.base}{path}")

    def keep(self, name: str) -> None:
        """A picture of the whole page, kept as output of the build."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"{name}.png", full_page=True)


@pytest.fixture
def visit(browser: Browser, house: House) -> Iterator[Callable[..., Visit]]:
    """Opens a browser of its own for a person."""
    opened: list[BrowserContext] = []
    visits: list[Visit] = []

    def open_one(name: str = "", *, width: int = 1280) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
            storage_state=house.signed_in.get(name),
        )
        context.set_default_timeout(15_000)
        opened.append(context)
        visits.append(Visit(context.new_page(), house.base))
        if name in house.signed_in:
            visits[-1].go("/console")
        elif name:
            visits[-1].sign_in(name)
            house.signed_in[name] = context.storage_state()
        return visits[-1]

    yield open_one
    for context in opened:
        context.close()
    assert [one for each in visits for one in each.complaints] == []


Open = Callable[..., Visit]
