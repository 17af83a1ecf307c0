"""A chat and a mail are third parties: no name and no address of a member reaches them, by whatever way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import insert

from tests.worker import world as w
from tests.worker.alerts.endpoints import Chat, Mailbox
from tests.worker.conftest import Clock
from tests.worker.night.eve import AFTER, EMAIL, NAME, NIGHT, deliver_all
from worker.alerts.telling import deliver
from worker.nightly import run_night
from worker.runtime import Runtime
from worker.schema import alarms, outbox


def test_a_planted_name_and_address_reach_no_alert(
    runtime: Runtime, clock: Clock, slack: Chat, post: Mailbox, tmp_path: Path
) -> None:
    clock.now = AFTER
    told = {"alert_urls": (SecretStr(slack.url), SecretStr(post.url)), "report_dir": tmp_path}
    product = w.plain_inboxes(replace(runtime, settings=runtime.settings.model_copy(update=told)))
    # A reference that is an address, as some merchants have them, and a charge that names one.
    w.take_in(product, w.row(EMAIL, w.stripe(9)))
    deliver_all(product)
    w.deliver(product, w.body(w.charge("ch_marked", NIGHT - timedelta(days=3), named=EMAIL)))
    raised = {"kind": "mismatch", "subject": f"remedy:{EMAIL}", "text": f"{EMAIL} <!here>", "told_at": None}
    with product.engine.begin() as conn:
        conn.execute(insert(alarms), [{**raised, "key": f"mismatch:{EMAIL}", "at": clock.now}])
    assert run_night(product, NIGHT) is not None
    clock.advance(timedelta(days=1))
    assert run_night(product, NIGHT + timedelta(days=1)) is not None
    deliver(product)
    assert (len(slack.got), len(post.got)) == (3, 3)
    assert "[redacted]" in str(slack.got)
    mails = [part.get_content() for mail in post.got for part in mail.walk() if part.get_content_maintype() == "text"]
    with product.engine.begin() as conn:
        kept = [str(row) for row in conn.execute(outbox.select())]
    for text in (*map(str, slack.got), *map(str, post.got), *mails, *kept):
        for marker in (NAME, EMAIL, NAME.split()[1], EMAIL.partition("@")[0]):
            assert marker not in text
