"""The texts of notices: those that come along, or the merchant's own from the folder of `NOTICES_TEMPLATES`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from config.settings import SettingsError

OWN = Path(__file__).resolve().parent / "templates"
FIELDS = {
    "receipt": ("name", "claim", "kind", "received"),
    "missing": ("name", "claim", "kind", "asked_for"),
    "processed": ("name", "amount", "charge", "arrives"),
    "refusal": ("name", "claim", "kind", "reason"),
}


@dataclass(frozen=True, slots=True)
class Text:
    """A notice as it is sent."""

    subject: str
    body: str


def fill(kind: str, values: Mapping[str, str], folder: Path | None = None) -> Text:
    """The text of a notice. Raises SettingsError for a template of the merchant's that cannot be used."""
    file = folder / f"{kind}.txt" if folder is not None and (folder / f"{kind}.txt").is_file() else OWN / f"{kind}.txt"
    head, _, body = file.read_text(encoding="utf-8").partition("\n")
    known = ", ".join(f"${name}" for name in FIELDS[kind])
    if not head.startswith("Subject:"):
        raise SettingsError(f"{file}:1: expected a line that begins with Subject:")
    try:
        subject, text = (Template(part).substitute(values) for part in (head.removeprefix("Subject:"), body))
    except (KeyError, ValueError):
        raise SettingsError(f"{file}: expected no other names than {known}") from None
    # A header is one line, whatever the values hold.
    return Text(" ".join(subject.split()), text.strip() + "\n")
