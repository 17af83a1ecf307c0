"""The same job done by others: which charges are wrong, and how. Each has the columns it needs and no more, and writes
`reference<TAB>kind` lines. DuckDB and Polars even have the day in the merchant's zone worked out for them.

They are a floor, not rivals: one price, one currency, monthly periods; no refunds, notices, policy, remedies or audit.
`python -m benchmarks.peers NAME FOLDER URL` runs one."""

from __future__ import annotations

import csv
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.charges import AS_OF

# What DuckDB and Postgres both understand; both put a day that a month does not have on the month's last.
_SQL = """
WITH counted AS (
  SELECT c.id, c.minor, c.taken, c.day, m.ref, m.anchor, m.price, m.ended_on,
    CAST((extract(year FROM c.day + 2) - extract(year FROM m.anchor)) * 12
       + extract(month FROM c.day + 2) - extract(month FROM m.anchor) AS INTEGER) AS k
  FROM charges c JOIN members m ON c.membership = m.ref
), placed AS (
  SELECT *, CASE WHEN CAST(anchor + k * INTERVAL '1 month' AS DATE) > day + 2 THEN k - 1 ELSE k END AS period
  FROM counted
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY ref, period ORDER BY taken, id) AS turn FROM placed
), paid AS (
  SELECT ref, anchor, ended_on, count(DISTINCT period) AS periods FROM placed
  WHERE ended_on IS NULL OR day < ended_on GROUP BY ref, anchor, ended_on
)
SELECT id, CASE WHEN day >= ended_on THEN 'post_cancellation_charge' WHEN turn > 1 THEN 'duplicate_charge'
                WHEN minor > price THEN 'overcharge' ELSE 'undercharge' END AS kind
FROM ranked WHERE day >= ended_on OR turn > 1 OR minor <> price
UNION ALL
SELECT ref, 'missed_renewal' FROM paid
WHERE CAST(anchor + periods * INTERVAL '1 month' AS DATE)
      <= least(DATE '{missed}', coalesce(ended_on - 1, DATE '{missed}'))
"""
_MISSED = AS_OF - timedelta(days=22)


def duckdb(folder: Path, _url: str) -> Iterable[tuple[str, str]]:
    """DuckDB over Parquet."""
    import duckdb as engine

    conn = engine.connect()
    conn.execute("SET threads = 2")
    for name in ("charges", "members"):
        conn.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder / name}.parquet')")  # noqa: S608 - our own words
    found: list[tuple[str, str]] = conn.execute(_SQL.format(missed=_MISSED)).fetchall()
    return found


def polars(folder: Path, _url: str) -> Iterable[tuple[str, str]]:
    """Polars over Parquet."""
    import polars as pl

    def months(column: str) -> pl.Expr:
        return pl.col(column).dt.year() * 12 + pl.col(column).dt.month()

    charges, members = (pl.scan_parquet(folder / f"{name}.parquet") for name in ("charges", "members"))
    by, anchor = pl.col("by"), pl.col("anchor").dt.day()  # a day that by's month does not have is its last
    placed = (
        charges.join(members, left_on="membership", right_on="ref")
        .with_columns(
            by=pl.col("day") + timedelta(days=2),
            after=pl.col("ended_on").is_not_null() & (pl.col("day") >= pl.col("ended_on")),
        )
        .with_columns(
            period=months("by")
            - months("anchor")
            - (pl.min_horizontal(anchor, by.dt.month_end().dt.day()) > by.dt.day())
        )
        .sort("taken", "id")
        .with_columns(turn=pl.int_range(pl.len()).over("membership", "period"))
    )
    wrong = placed.filter(pl.col("after") | (pl.col("turn") > 0) | (pl.col("minor") != pl.col("price"))).select(
        "id",
        kind=pl.when("after").then(pl.lit("post_cancellation_charge"))
        .when(pl.col("turn") > 0).then(pl.lit("duplicate_charge"))
        .when(pl.col("minor") > pl.col("price")).then(pl.lit("overcharge"))
        .otherwise(pl.lit("undercharge")),
    )  # fmt: skip
    paid = placed.filter(~pl.col("after")).group_by("membership", "anchor", "ended_on")
    next_due = pl.col("anchor").dt.offset_by(pl.format("{}mo", "periods"))
    last = pl.min_horizontal(pl.lit(_MISSED), pl.col("ended_on") - timedelta(days=1))
    missed = paid.agg(periods=pl.col("period").n_unique()).filter(next_due <= last)
    both = pl.concat([wrong, missed.select(id="membership", kind=pl.lit("missed_renewal"))])
    found: list[tuple[str, str]] = both.collect().rows()
    return found


def postgres(_folder: Path, url: str) -> Iterable[tuple[str, str]]:
    """SQL in Postgres over our own tables; what it finds is written to a table there."""
    import psycopg

    charges = (
        "SELECT membership, provider || ':' || object_id AS id, at AS taken, amount_minor AS minor,"
        " CAST(at AT TIME ZONE 'America/Chicago' AS DATE) AS day FROM facts WHERE kind = 'charge'"
    )
    members = (
        "SELECT ref, CAST(roster ->> 'started_on' AS DATE) AS anchor, CAST(roster ->> 'ended_on' AS DATE) AS ended_on,"
        " CAST(roster #>> '{plan,price,minor}' AS BIGINT) AS price FROM memberships"
    )
    found = _SQL.format(missed=_MISSED)
    with psycopg.connect(url) as conn:
        conn.execute("DROP TABLE IF EXISTS found_by_sql")
        told = f"WITH charges AS ({charges}), members AS ({members}) SELECT * FROM ({found}) AS found"  # noqa: S608 - as above
        conn.execute(f"CREATE TABLE found_by_sql AS {told}".encode())
        conn.commit()
        return conn.execute("SELECT id, kind FROM found_by_sql").fetchall()


@dataclass(slots=True)
class PlainCharge:
    """What of a charge the plain job needs."""

    id: str
    minor: int
    at: datetime


def python(_folder: Path, url: str) -> Iterable[tuple[str, str]]:
    """Plain Python over all memberships: dataclasses and dicts, read from our tables."""
    import psycopg

    by: dict[str, list[PlainCharge]] = defaultdict(list)
    with psycopg.connect(url) as conn:
        query = "SELECT membership, provider, object_id, amount_minor, at FROM facts WHERE kind = 'charge'"
        for membership, provider, object_id, minor, at in conn.execute(query):
            by[membership].append(PlainCharge(f"{provider}:{object_id}", minor, at))
        rosters = dict(conn.execute("SELECT ref, roster FROM memberships").fetchall())
    return plainly(rosters, by)


def plainly(rosters: Mapping[str, Any], by: Mapping[str, Sequence[PlainCharge]]) -> list[tuple[str, str]]:
    """The job itself, on what was read: roster rows and charges by membership."""
    zone, found = ZoneInfo("America/Chicago"), []
    for ref, roster in rosters.items():
        anchor, price = date.fromisoformat(roster["started_on"]), roster["plan"]["price"]["minor"]
        ended = date.fromisoformat(roster["ended_on"]) if roster.get("ended_on") else None
        paid: set[int] = set()
        for charge in sorted(by[ref], key=lambda one: (one.at, one.id)):
            day = charge.at.astimezone(zone).date()
            period = _period(anchor, day + timedelta(days=2))
            if ended is not None and day >= ended:
                found.append((charge.id, "post_cancellation_charge"))
                continue
            if period in paid:
                found.append((charge.id, "duplicate_charge"))
            elif charge.minor != price:
                found.append((charge.id, "overcharge" if charge.minor > price else "undercharge"))
            paid.add(period)
        due = _month_on(anchor, len(paid))
        if due <= _MISSED and (ended is None or due < ended):
            found.append((ref, "missed_renewal"))
    return found


def _period(anchor: date, day: date) -> int:
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    return months if _month_on(anchor, months) <= day else months - 1


def _month_on(anchor: date, months: int) -> date:
    month = anchor.year * 12 + anchor.month - 1 + months
    first = date(month // 12, month % 12 + 1, 1)
    last = (date((month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return first.replace(day=min(anchor.day, last))


PEERS: dict[str, Callable[[Path, str], Iterable[tuple[str, str]]]] = {
    "duckdb": duckdb,
    "polars": polars,
    "postgres": postgres,
    "python": python,
}


_COLUMNS = {
    "members": {"ref": "string", "anchor": "date32", "price": "int64", "ended_on": "date32"},
    "charges": {
        "membership": "string",
        "id": "string",
        "minor": "int64",
        "taken": "timestamp[us]",
        "day": "date32",
    },
}


def parquet(folder: Path) -> None:
    """Make of the CSV files in this folder what DuckDB and Polars read."""
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet as arrow_parquet

    for name, columns in _COLUMNS.items():
        how = arrow_csv.ConvertOptions(column_types=columns, strings_can_be_null=True)
        arrow_parquet.write_table(
            arrow_csv.read_csv(folder / f"{name}.csv", convert_options=how), folder / f"{name}.parquet"
        )


def note_memory() -> None:
    """Say in the file of `MEMORY_FILE` what this process took at most; what the system tells of a child that is over
    may be its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    Path(os.environ["MEMORY_FILE"]).write_text(kilobytes, encoding="ascii")


def main() -> None:
    name, folder, url = sys.argv[1:]
    if name == "parquet":
        parquet(Path(folder))
        return
    with (Path(folder) / f"{name}.tsv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t").writerows(PEERS[name](Path(folder), url))
    note_memory()


if __name__ == "__main__":
    main()
