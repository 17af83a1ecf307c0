"""Bundle files read into the core's `Policy`. A file is taken whole or not at all, and every fault is said at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from config.policies.checks import meaning_faults
from config.policies.document import ClauseTable, Document, shape_faults
from config.policies.faults import Fault, Places, PolicyError
from reconcile.policy import Basis, Bundle, Clause, ClauseRemedy, Force, Late, NoticeRule, Policy, Terms

DIRECTORY = Path(__file__).resolve().parent
_BYTES_MAX = 1_000_000
_NUMBERS = re.compile(r"[0-9]{1,9}", re.ASCII)


def load(directory: Path = DIRECTORY, own: Path | None = None) -> Policy:
    """Every bundle of a folder and of the merchant's `own`, in all its versions, oldest first. Raises PolicyError with
    all faults of all files."""
    bundles: list[tuple[Path, Bundle]] = []
    faults: list[Fault] = []
    if own is not None and not own.is_dir():
        faults.append(Fault(str(own), 1, "there is no such folder", "name a folder with bundle files"))
    for file in [*sorted(directory.glob("*.toml")), *(sorted(own.glob("*.toml")) if own is not None else ())]:
        try:
            bundles.append((file, read(file)))
        except PolicyError as error:
            faults.extend(error.faults)
    faults.extend(_version_faults(bundles))
    if faults:
        raise PolicyError(faults)
    return together(bundle for _, bundle in bundles)


def together(bundles: Iterable[Bundle]) -> Policy:
    """A policy of these bundles; an undated version counts as older than every dated one."""
    versions: dict[str, list[Bundle]] = {}
    for bundle in sorted(bundles, key=_age):
        versions.setdefault(bundle.name, []).append(bundle)
    return Policy({name: tuple(held) for name, held in versions.items()})


def read(file: Path) -> Bundle:
    """The one bundle of a file. Raises PolicyError with all that is wrong in it."""
    text = _text(file)
    places = Places(file, text)
    try:
        document = Document.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([_toml_fault(file, error, text)]) from error
    except ValidationError as error:
        raise PolicyError(shape_faults(error, places)) from error
    if faults := list(meaning_faults(document, places)):
        raise PolicyError(faults)
    return _bundle(document)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _BYTES_MAX:
            raise PolicyError([Fault(str(file), 1, "the file is larger than a bundle can be", "name a bundle file")])
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PolicyError(
            [Fault(str(file), 1, f"the file cannot be read ({error.strerror})", "name a bundle file")]
        ) from error
    except UnicodeDecodeError as error:
        raise PolicyError([Fault(str(file), 1, "the file is not UTF-8 text", "save it as UTF-8")]) from error


def _toml_fault(file: Path, error: tomllib.TOMLDecodeError, text: str) -> Fault:
    said, _, at = str(error).partition(" (at ")
    number = at.removeprefix("line ").partition(",")[0]
    line = int(number) if number.isdigit() else max(1, len(text.splitlines()))
    return Fault(str(file), line, f"this is not TOML: {said[:1].lower()}{said[1:]}", "mend the line")


def _bundle(document: Document) -> Bundle:
    notice = document.notice
    return Bundle(
        name=document.bundle,
        version=document.version,
        title=document.title,
        clauses=tuple(_clause(table) for table in document.clauses),
        effective=document.effective,
        notice=NoticeRule(notice.clause, notice.business_days) if notice else None,
        written=document.written,
        setup_once=document.setup_once,
        confirmation=document.confirmation,
        left_open=document.defaults.review if document.defaults is not None else (),
        remarks=document.remarks,
    )


def _clause(table: ClauseTable) -> Clause:
    return Clause(
        id=table.id,
        heading=table.heading,
        says=table.says,
        covers=frozenset(table.covers),
        remedy=table.remedy or ClauseRemedy.NONE,
        force=table.force or Force.SHALL,
        amount=table.amount or Basis.NOTHING,
        when=table.when,
        general=table.general,
        terms=Terms(
            within_days=table.within_days,
            after_days=table.after_days,
            late=table.late or Late.SILENT,
            needs=table.needs,
            repair_hours=table.repair_hours,
            limits=table.limits,
            except_plans=table.except_plans,
            unless_named=tuple(word.lower() for word in table.unless_named),
            bear_fees=table.bear_fees,
            follows=table.follows,
        ),
    )


def _version_faults(bundles: list[tuple[Path, Bundle]]) -> Iterable[Fault]:
    seen: dict[tuple[str, str], Path] = {}
    for file, bundle in bundles:
        for what, said in (("version", bundle.version), ("effective date", str(bundle.effective))):
            other = seen.setdefault((bundle.name, f"{what} {said}"), file)
            if other != file:
                yield Fault(
                    str(file),
                    1,
                    f'the bundle "{bundle.name}" has the {what} {said} in {other.name} already',
                    f"give each version its own {what}",
                )
    for older, newer in pairwise(sorted(bundles, key=lambda pair: (pair[1].name, *_age(pair[1])))):
        yield from _backwards(older[1], *newer)


def _backwards(older: Bundle, file: Path, newer: Bundle) -> Iterable[Fault]:
    """Of two versions that follow each other, numbers or dates in their names go the same way as their dates."""
    if older.name != newer.name or older.effective == newer.effective:
        return
    numbers = [tuple(int(part) for part in _NUMBERS.findall(bundle.version)) for bundle in (older, newer)]
    alike = _NUMBERS.sub("", older.version) == _NUMBERS.sub("", newer.version)
    if alike and len(numbers[0]) == len(numbers[1]) and numbers[0] > numbers[1]:
        since = f"from {older.effective}" if older.effective is not None else "from the beginning"
        yield Fault(
            str(file),
            1,
            f'the dates run backwards: version {newer.version} of "{newer.name}" is in force from {newer.effective}, '
            f"and version {older.version} {since}",
            "correct the effective date of one, or its version",
        )


def _age(bundle: Bundle) -> tuple[bool, str]:
    return bundle.effective is not None, str(bundle.effective or "")
