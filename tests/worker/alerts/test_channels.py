"""What stands in a message, and how each channel shapes it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.settings import Settings, SettingsError
from tests.worker.alerts.endpoints import Chat, Mailbox
from worker.alerts import channels
from worker.alerts.addresses import MailAddress, SlackAddress, parse
from worker.alerts.channel import Channel, ChannelError
from worker.alerts.mail import MailChannel, composed, html
from worker.alerts.message import LINES_MAX, Link, Message, message
from worker.alerts.slack import BLOCK_MAX, blocks, escaped
from worker.alerts.words import plain

EVIL = "<!channel> & <https://evil.example|click>\r\nBcc: all@example.test \u202egnp.exe\x07"


def channel_of(url: str, *, mail_report: bool = False) -> Channel:
    (channel,) = channels.build(Settings(alert_urls=(SecretStr(url),), mail_report=mail_report)).values()
    return channel


def said(report: str | None = None) -> Message:
    return message(EVIL, EVIL, [(EVIL, [EVIL])], report=report)


def test_a_message_is_one_line_a_part_without_control_signs_or_addresses() -> None:
    told = said()
    for text in (told.key, told.title, told.sections[0].heading, told.sections[0].lines[0]):
        assert text.isprintable()
        assert "example.test" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize("secret", ["4242 4242 4242 4242", "jane.doe@example.test", "whsec_abcdef", "sk_live_abc123"])
def test_secrets_and_cards_never_stand_in_a_message(secret: str) -> None:
    assert secret not in str(message("k", f"of {secret}", [(f"x {secret}", [f"y {secret} z"])]))


def test_a_long_list_is_cut_and_says_so() -> None:
    lines = message("k", "t", [("many", [f"M-{n}" for n in range(100)])]).sections[0].lines
    assert len(lines) == LINES_MAX + 1
    assert lines[-1] == f"and {100 - LINES_MAX} more"


def test_slack_gets_blocks_of_plain_text_and_a_text_that_rings_nobody(slack: Chat) -> None:
    channel_of(slack.url).send(said())
    (body,) = slack.got
    assert body["unfurl_links"] is body["unfurl_media"] is False
    shown = str(body)
    assert "<!channel>" not in shown
    assert "<https" not in shown
    assert "&lt;!channel&gt; &amp; &lt;https" in shown
    kinds = [block["type"] for block in body["blocks"]]
    assert kinds == ["header", "section", "context"]
    assert {block["text"]["type"] for block in body["blocks"][:2]} == {"plain_text"}
    assert body["text"]


def test_no_escape_is_cut_in_two_and_no_block_is_too_long() -> None:
    lines = ["<&>" * 99] * LINES_MAX
    for block in blocks(message("k", "<" * 140, [("h", lines)])):
        text = block["text"]["text"] if "text" in block else block["elements"][0]["text"]
        assert len(text) <= BLOCK_MAX
        assert escaped(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) == text


def test_a_mail_has_text_and_html_and_goes_to_the_list_alone(post: Mailbox) -> None:
    channel_of(post.url).send(said())
    (mail,) = post.got
    assert mail["To"] == "finance@example.test, cfo@example.test"
    assert mail["Bcc"] is None
    assert "\n" not in str(mail["Subject"])
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "<!channel>" in text.get_content()
    assert "&lt;!channel&gt;" in html.get_content()
    assert "http-equiv" not in html.get_content()


def test_the_report_goes_with_a_mail_where_a_setting_says_so(post: Mailbox, tmp_path: Path) -> None:
    report = tmp_path / "report-2026-03-08.html"
    report.write_text("<!doctype html><p>a report</p>")
    report.with_suffix(".xlsx").write_bytes(b"PK a workbook")
    told = message("k", "t", [], report=str(report))
    for wanted in (False, True):
        channel_of(post.url, mail_report=wanted).send(told)
    report.unlink()
    report.with_suffix(".xlsx").unlink()
    channel_of(post.url, mail_report=True).send(told)  # a report that is gone does not keep the mail
    names = [[part.get_filename() for part in mail.iter_attachments()] for mail in post.got]
    assert names == [[], ["report-2026-03-08.html", "report-2026-03-08.xlsx"], []]
    _, workbook = post.got[1].iter_attachments()
    assert workbook.get_content() == b"PK a workbook"


def test_the_same_mail_has_the_same_message_id() -> None:
    (to,) = parse(["smtps://u:p@mail.example.test?from=a@example.test&to=b@example.test"])
    assert isinstance(to, MailAddress)
    assert composed(said(), to)["Message-ID"] == composed(said(), to)["Message-ID"]
    assert composed(said(), to)["Message-ID"] != composed(message("other", "t", []), to)["Message-ID"]


def test_a_server_without_tls_gets_no_password_outside_loopback(post: Mailbox) -> None:
    address = MailAddress(
        "m", "127.0.0.1", post.port, False, False, "user", "secret", "a@example.test", ("b@example.test",)
    )
    with pytest.raises(ChannelError, match="SMTPNotSupportedError"):
        MailChannel(address).send(said())
    assert not post.got


def test_a_channel_that_is_not_there_says_so_without_its_address() -> None:
    with pytest.raises(ChannelError, match=r"^not reachable \(URLError\)$"):
        channel_of("http://127.0.0.1:9/services/secret").send(said())


def test_addresses_are_read() -> None:
    slack, tls, start, other = parse(
        [
            "https://hooks.slack.com/services/T/B/x",
            "smtps://me%40example.test:p%2Cq@mail.example.test?from=a@example.test&to=b@example.test",
            "smtp://mail.example.test:2525?from=a@example.test&to=b@example.test&to=c@example.test",
            "msteams://a/b/c",
        ]
    )
    assert isinstance(slack, SlackAddress)
    assert isinstance(tls, MailAddress)
    assert isinstance(start, MailAddress)
    assert (tls.port, tls.tls, tls.user, tls.password) == (465, True, "me@example.test", "p,q")
    assert (start.port, start.tls, start.plain_allowed, start.to) == (
        2525,
        False,
        False,
        ("b@example.test", "c@example.test"),
    )
    assert other.name.startswith("apprise-")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.test/services/x",
        "http://hooks.slack.com/services/x",
        "https://hooks.slack.com/elsewhere",
        "smtp://mail.example.test",
        "smtp://mail.example.test?from=a@example.test",
        "smtp://mail.example.test?from=a@example.test&to=b@example.test%0ABcc:c@example.test",
        "smtp://mail.example.test?from=a@example.test&to=b@example.test&cc=c@example.test",
        "smtp://mail.example.test:99999?from=a@example.test&to=b@example.test",
        "hooks.slack.com/services/secret-token",
    ],
)
def test_a_malformed_address_is_named_by_its_place_and_never_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(["https://hooks.slack.com/services/T/B/x", url])
    assert "MAKEGOOD_ALERT_URLS is malformed: address 2: " in str(refused.value)
    assert "example.test" not in str(refused.value)
    assert "secret-token" not in str(refused.value)


def test_an_apprise_address_needs_the_extra() -> None:
    if find_spec("apprise") is not None:
        assert channel_of("json://127.0.0.1:9/x").name.startswith("apprise-")
        return
    with pytest.raises(SettingsError, match=r"pip install makegood\[apprise\]"):
        channel_of("json://127.0.0.1:9/x")


LINK = Link("Decide <the> | largest", "https://makegood.example/console/cases/remedy%3Astripe%3Ach_1")


def test_links_lead_to_the_console_in_every_channel(slack: Chat) -> None:
    told = message("k", "t", [("h", ["https://evil.example"])], links=[LINK])
    channel_of(slack.url).send(told)
    (body,) = slack.got
    (marked,) = [block["text"] for block in body["blocks"] if block.get("text", {}).get("type") == "mrkdwn"]
    assert marked["text"] == f"<{LINK.address}|Decide &lt;the&gt; / largest>"
    (to,) = parse(["smtp://127.0.0.1:25?from=a@example.test&to=b@example.test"])
    assert isinstance(to, MailAddress)
    mail = composed(told, to)
    page = html(told)
    assert page.count("<a href=") == 1
    assert f'<a href="{LINK.address}">Decide &lt;the&gt; | largest</a>' in page
    assert [LINK.address in part.get_content() for part in mail.iter_parts()] == [True, True]
    assert f"Decide <the> | largest: {LINK.address}" in plain(told)
