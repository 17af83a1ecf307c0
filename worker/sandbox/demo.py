"""The whole product on a made-up merchant: told, received, handled, judged, reported, and held against the truth."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from config.settings import Settings
from worker import handling, judging, report, runtime
from worker.engine import migrate
from worker.roster import files
from worker.roster.row import Bundles
from worker.runtime import Runtime
from worker.sandbox import balance, live, scorecard
from worker.sandbox.balance import Balance
from worker.sandbox.bank.bank import Bank, open_bank
from worker.sandbox.bank.loading import load
from worker.sandbox.deliveries import Mail, posted
from worker.sandbox.posting import Sender
from worker.sandbox.reckoning import at_local
from worker.sandbox.roster_lines import roster_line
from worker.sandbox.signing import certificate_host, paypal_signer
from worker.sandbox.stories import World, world
from worker.sandbox.truth import verdict
from worker.sandbox.world_clock import WorldClock
from worker.store import listings
from worker.store.roster import import_memberships
from worker.web import app, serve

SLICE = 500
_QUIET = structlog.make_filtering_bound_logger(logging.ERROR)


@dataclass(frozen=True)
class Demo:
    """One run: the world, the product that judges it, the senders between them, and the bank."""

    made: World
    product: Runtime
    sender: Sender
    folder: Path
    bank: Bank
    clock: WorldClock


def run(members: int, months: int, seed: int, out: Path | None) -> int:
    """Live `months` of a merchant with so many `members`, judge them, and print what was found against what was
    planted. Report and database are kept in `out` (a new temporary folder unless given). 0 when everything that was
    planted was found, nothing else was, and the money is right; else 1."""
    folder = out or Path(tempfile.mkdtemp(prefix="makegood-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    made = _timed("a merchant with known errors", lambda: world(members, months, seed))
    mail = posted(made.told, seed)
    with quietly(), ExitStack() as stack:
        demo = set_up(made, folder, seed, stack)
        import_roster(demo)
        answers = _deliver(demo, mail)
        judged = _timed("reconcile", lambda: judging.reconcile_all(demo.product, made.last_day, everything=True))
        _say(f"{judged.memberships} memberships and {judged.strays} stray charges judged")
        with demo.product.engine.begin() as conn:
            found = list(listings.findings(conn))
        books = _timed("the money", lambda: _send_money(demo, seed))
        page = _timed("the report", lambda: report.write(demo.product, made.last_day, folder))
    outcome = verdict(made.planted, found)
    fair = answers == Counter(
        {(False, 200): len(mail.in_time) + len(mail.late) - mail.forged, (True, 401): mail.forged}
    )
    for line in scorecard.complaints(outcome, made, answers if not fair else None):
        _say(line)
    for line in balance.complaints(books):
        _say(line)
    for line in scorecard.summary(made, mail, outcome, balance.lines(books), page):
        sys.stdout.write(line + "\n")
    return 0 if outcome.perfect and fair and books.right else 1


def set_up(
    made: World, folder: Path, seed: int, stack: ExitStack, start: datetime | None = None, **others: object
) -> Demo:
    """The product on an empty SQLite file, listening on a free port, on the world's clock, which `start`s on the
    evening of the last day unless told otherwise; senders that know it; and the bank that it refunds to. `others` are
    settings that differ from the demo's."""
    now = WorldClock(start or at_local(made.last_day, 20))
    bank = stack.enter_context(open_bank(now, seed))
    load(bank.book, made, start)
    webhook_id, secret = f"WH-SANDBOX-{secrets.token_hex(6).upper()}", f"whsec_{secrets.token_urlsafe(24)}"
    signer = paypal_signer(webhook_id, now())
    cert_url = stack.enter_context(certificate_host(signer))
    roots = folder / "sandbox-roots.pem"
    roots.write_bytes(signer.root_pem)
    database = folder / "makegood.db"
    for left in folder.glob("makegood.db*"):
        left.unlink()
    settings = Settings.model_validate(
        {
            "database_url": f"sqlite:///{database}",
            "stripe_webhook_secrets": secret,
            "paypal_mode": "sandbox",
            "paypal_webhook_id": webhook_id,
            "paypal_cert_hosts": "127.0.0.1",
            "paypal_cert_roots": roots,
            **live.settings(bank),
            **others,
        }
    )
    product = runtime.build(settings, clock=now)
    stack.callback(product.close)
    migrate(product.engine)
    product.prepare()
    base = stack.enter_context(serve.serving(app.create_app(product)))
    sender = Sender(base, secret, signer, paypal_signer(webhook_id, now()), cert_url, now)
    return Demo(made, product, sender, folder, bank, now)


def import_roster(demo: Demo) -> None:
    """By way of the file that a merchant would hand in."""
    file = demo.folder / "roster.jsonl"
    file.write_text("".join(f"{json.dumps(roster_line(member))}\n" for member in demo.made.members), encoding="utf-8")
    bundles = Bundles(demo.product.rules.policy.versions.keys(), demo.product.settings.policy)
    rows = files.read(file, bundles)
    with demo.product.engine.begin() as conn:
        while part := list(islice(rows, SLICE)):
            import_memberships(conn, demo.product.keyring, part, demo.product.clock())


def _deliver(demo: Demo, mail: Mail) -> Counter[tuple[bool, int]]:
    """Most of the mail, handled; then the late part, handled too. Nothing may depend on which came when."""
    answers: Counter[tuple[bool, int]] = Counter()
    for name, part in (("deliveries", mail.in_time), ("late deliveries", mail.late)):
        with _progress(f"{name} posted", len(part)) as tell:
            answers += demo.sender.post(part, tell)
        handled = _timed(f"{name} handled", lambda: handling.drain(demo.product))
        _say(f"{handled.done} told something, {handled.passed_over} nothing of money, {handled.failed} failed")
    return answers


def _send_money(demo: Demo, seed: int) -> Balance:
    """Whatever is queued goes out to the bank; then the books are added up."""
    evening = live.pay(demo.product, demo.bank, demo.clock, seed, lambda part: demo.sender.post(part, lambda _: None))
    return balance.balance(demo.made, demo.bank, demo.product, evening)


@contextmanager
def quietly() -> Iterator[None]:
    """The product says only what is amiss, and on standard error: standard output carries the result."""
    configured, before = structlog.is_configured(), structlog.get_config()
    if configured:
        structlog.configure(**{**before, "wrapper_class": _QUIET})
    else:
        structlog.configure(wrapper_class=_QUIET, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        yield
    finally:
        if configured:
            structlog.configure(**before)
        else:
            structlog.reset_defaults()


@contextmanager
def _progress(what: str, whole: int) -> Iterator[Callable[[int], None]]:
    done, begun = 0, time.monotonic()

    def tell(more: int) -> None:
        nonlocal done
        done += more
        if done % 1000 == 0:
            _say(f"{done} of {whole} {what}")

    yield tell
    _say(f"{whole} {what} in {time.monotonic() - begun:.1f} s")


def _timed(what: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the work gives
    begun = time.monotonic()
    done = work()
    _say(f"{what}: {time.monotonic() - begun:.1f} s")
    return done


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
