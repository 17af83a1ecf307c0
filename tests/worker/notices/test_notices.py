"""What members are told, each thing once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from config.settings import SettingsError
from tests.worker.alerts.endpoints import Mailbox, mailbox
from tests.worker.claims.test_claims_intake import claim, member, money_back, store, take, world
from tests.worker.world import START, charge, refund, take_in
from worker.judging import reconcile_all
from worker.notices import reviewing
from worker.notices.sending import send_waiting
from worker.notices.texts import FIELDS, fill
from worker.notices.writing import of_remedies
from worker.privacy import rights
from worker.runtime import Runtime
from worker.schema import audit, notices


@pytest.fixture
def post() -> Iterator[Mailbox]:
    with mailbox() as kept:
        yield kept


def by_mail(runtime: Runtime, post: Mailbox) -> Runtime:
    told = {"notices": "email", "notices_url": SecretStr(post.url)}
    return replace(runtime, settings=runtime.settings.model_copy(update=told))


def states(runtime: Runtime) -> dict[str, tuple[str, str | None]]:
    with runtime.engine.connect() as conn:
        rows = conn.execute(select(notices.c.key, notices.c.state, notices.c.note).order_by(notices.c.key))
        return {key: (state, note) for key, state, note in rows}


def test_by_default_they_are_only_laid_out(runtime: Runtime) -> None:
    world(runtime, "iptv")
    take(runtime, money_back(8))
    assert states(runtime) == {
        "receipt:C-1": ("review", "sending is off"),
        "refusal:C-1": ("review", "sending is off"),
    }
    assert send_waiting(runtime) == 0


def test_each_goes_once(runtime: Runtime, post: Mailbox) -> None:
    mailing = by_mail(runtime, post)
    world(mailing, "iptv")
    take(mailing, money_back(8))
    assert (send_waiting(mailing), send_waiting(mailing)) == (2, 0)
    take(mailing, money_back(8))
    assert send_waiting(mailing) == 0
    assert {mail["To"] for mail in post.got} == {"buyer@example.com"}
    assert {mail["From"] for mail in post.got} == {"makegood@example.test"}
    refused = next(mail for mail in post.got if "cannot pay" in mail.get_content())
    assert "IP-8" in refused.get_content()
    assert len({mail["Message-ID"] for mail in post.got}) == 2


def test_what_is_missing_is_asked_for_and_again_when_it_is_something_else(runtime: Runtime, post: Mailbox) -> None:
    mailing = by_mail(runtime, post)
    world(mailing, "iptv")
    bare = claim("money_back", 7, explanation="No use.")
    take(mailing, bare)
    take(mailing, {**bare, "invoice": "in_1"})
    send_waiting(mailing)
    asked = sorted(mail.get_content() for mail in post.got if "still need" in mail.get_content())
    assert len(asked) == 2
    assert "invoice" in asked[1] or "invoice" in asked[0]


def test_a_refund_is_told_with_its_amount_and_when_to_expect_it(runtime: Runtime, post: Mailbox) -> None:
    mailing = by_mail(runtime, post)
    world(mailing, "iptv")
    take(mailing, money_back())
    sent = replace(refund("re_1", date(2026, 1, 17), charge("ch_1", START), 9900), remedy="remedy:stripe:ch_1")
    store(mailing, sent)
    reconcile_all(mailing, date(2026, 1, 20))
    assert (of_remedies(mailing), of_remedies(mailing)) == (1, 0)
    send_waiting(mailing)
    told = next(mail for mail in post.got if "99.00 USD" in mail["Subject"])
    # 21 days from the clock of the test
    assert "2026-11-23" in told.get_content()


def test_a_server_that_is_away_is_tried_again_and_in_the_end_left_to_a_person(runtime: Runtime, post: Mailbox) -> None:
    mailing = by_mail(runtime, post)
    post.close()
    world(mailing, "iptv")
    take(mailing, claim("unauthorised"))
    for _ in range(6):
        assert send_waiting(mailing) == 0
    assert states(mailing)["receipt:C-1"][0] == "failed"


def test_an_address_that_is_none_is_said_without_it(runtime: Runtime, post: Mailbox) -> None:
    mailing = by_mail(runtime, post)
    url = SecretStr("https://geheim.example.test/hook")
    mailing = replace(mailing, settings=mailing.settings.model_copy(update={"notices_url": url}))
    with pytest.raises(SettingsError, match=r"^MAKEGOOD_NOTICES_URL is malformed: expected smtps://") as caught:
        send_waiting(mailing)
    assert "geheim" not in str(caught.value)


def test_who_restricted_the_processing_gets_no_mail(runtime: Runtime, post: Mailbox) -> None:
    mailing = by_mail(runtime, post)
    world(mailing, "iptv")
    rights.restrict(mailing, "M-1", "Jo")
    take(mailing, claim("unauthorised"))
    assert states(mailing)["receipt:C-1"] == ("review", "the member has restricted the processing")


def test_without_an_address_a_person_has_to_write(runtime: Runtime, post: Mailbox) -> None:
    mailing = by_mail(runtime, post)
    take_in(mailing, replace(member("iptv"), personal=None))
    store(mailing, charge("ch_1", START, customer="cus_1"))
    take(mailing, claim("unauthorised"))
    assert states(mailing)["receipt:C-1"] == ("review", "no address is known")


@pytest.mark.parametrize("kind", FIELDS)
def test_every_text_takes_its_fields(kind: str) -> None:
    text = fill(kind, dict.fromkeys(FIELDS[kind], "x\r\nBcc: everybody@example.test"))
    assert text.body.strip()
    assert "\n" not in text.subject


def test_the_merchants_own_words_are_used(tmp_path: Path) -> None:
    (tmp_path / "receipt.txt").write_text("Subject: Danke $name\n\nWir haben $claim.\n")
    values = {"name": "Ann", "claim": "C-1", "kind": "money back", "received": "2026-01-08"}
    text = fill("receipt", values, tmp_path)
    assert (text.subject, text.body) == ("Danke Ann", "Wir haben C-1.\n")
    assert fill("refusal", {**values, "reason": "late"}, tmp_path).subject == "Your claim C-1"


@pytest.mark.parametrize("wrong", ["Dear $name\n\nx", "Subject: x\n\n$nme", "Subject: x\n\n$"])
def test_a_text_that_cannot_be_used_is_said_with_its_file(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "receipt.txt").write_text(wrong)
    with pytest.raises(SettingsError, match=r"receipt\.txt"):
        fill("receipt", dict.fromkeys(FIELDS["receipt"], "x"), tmp_path)


def test_what_waits_for_a_person_is_listed_read_and_let_go_by_somebody_who_is_named(
    runtime: Runtime, post: Mailbox
) -> None:
    world(runtime, "iptv")
    take(runtime, money_back(8))
    with runtime.engine.connect() as conn:
        listed = list(reviewing.listing(conn, ["review", "failed"]))
        assert not list(reviewing.listing(conn, ["sent"]))
    assert [(row["key"], row["note"]) for row in listed] == [
        ("receipt:C-1", "sending is off"),
        ("refusal:C-1", "sending is off"),
    ]
    assert not any("example.com" in str(row) for row in listed)
    told = reviewing.read(runtime, "refusal:C-1", "Ada")
    assert "C-1" in told.subject + told.body
    mailing = by_mail(runtime, post)
    reviewing.release(mailing, "refusal:C-1", "Ada")
    reviewing.told(mailing, "receipt:C-1", "Ben")
    assert send_waiting(mailing) == 1
    assert states(runtime) == {"receipt:C-1": ("sent", reviewing.BY_HAND), "refusal:C-1": ("sent", None)}
    with runtime.engine.connect() as conn:
        acts = conn.execute(select(audit.c.actor, audit.c.action).where(audit.c.subject.in_(states(runtime)))).all()
    assert set(acts) == {("Ada", "notice_read"), ("Ada", "notice_released"), ("Ben", "notice_told")}


def test_one_that_went_goes_no_second_time_and_one_that_is_not_there_is_said(runtime: Runtime, post: Mailbox) -> None:
    mailing = by_mail(runtime, post)
    world(mailing, "iptv")
    take(mailing, money_back(8))
    send_waiting(mailing)
    for act in (reviewing.release, reviewing.told):
        with pytest.raises(reviewing.NoticeError, match="it is sent"):
            act(mailing, "receipt:C-1", "Ada")
        with pytest.raises(reviewing.NoticeError, match="there is none of that key"):
            act(mailing, "receipt:C-9", "Ada")
    assert send_waiting(mailing) == 0


def test_the_text_for_an_erased_member_is_gone_and_that_is_said(runtime: Runtime) -> None:
    world(runtime, "iptv")
    take(runtime, money_back(8))
    rights.erase(runtime, "M-1", "Ada")
    with pytest.raises(reviewing.NoticeError, match="not kept any more"):
        reviewing.read(runtime, "refusal:C-1", "Ada")
