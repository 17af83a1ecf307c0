"""Other people's tools, each used as its own guide shows, for the one thing that they can do here: say to which renewal
each charge belongs. `python -P benchmarks/matchers.py NAME FOLDER` runs one in an environment that has its library; it
reads the three tables that `benchmarks.flat` writes and leaves `links.csv` and `memory`.

Imports nothing of makegood: reconcile-py's package has the name of ours."""

from __future__ import annotations

import csv
import itertools
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

Links = Iterable[tuple[str, str]]  # a charge, and the renewal that it pays
Row = dict[str, str]

SLACK = 2  # days: a charge may come so long before its renewal is due
WAYS = ("named", "subscription", "customer", "email")  # by which a charge names its membership, the surest first
REACH = 20  # days: of a charge from its renewal, where a tool has to be told one


def by_pandas(folder: Path) -> Links:
    """`merge_asof`: by the membership whose name a charge carries, the last renewal that is due."""
    import pandas as pd

    charges, renewals = _frames(folder)
    charges["by"] = charges["day"] + pd.Timedelta(days=SLACK)
    charges = charges.dropna(subset=["membership"]).sort_values("by")
    due = renewals[["id", "membership", "due"]].sort_values("due")
    paired = pd.merge_asof(charges, due, left_on="by", right_on="due", by="membership", suffixes=("", "_due"))
    return _pairs(paired.dropna(subset=["id_due"]), "id", "id_due")


def by_polars(folder: Path) -> Links:
    """`join_asof`: the same."""
    import polars as pl

    told = {name: pl.scan_csv(folder / f"{name}.csv", infer_schema=False) for name in ("charges", "renewals", "names")}
    names, charges = told["names"], told["charges"]
    for way in WAYS:
        charges = charges.join(names.rename({"name": way, "membership": f"by_{way}"}), on=way, how="left")
    charges = (
        charges.with_columns(membership=pl.coalesce(f"by_{way}" for way in WAYS))
        .with_columns(by=pl.col("day").str.to_date() + timedelta(days=SLACK))
        .drop_nulls("membership")
        .sort("by")
    )
    due = told["renewals"].select("membership", pl.col("due").str.to_date(), renewal="id").sort("due")
    paired = charges.join_asof(due, left_on="by", right_on="due", by="membership", check_sortedness=False)
    pairs: list[tuple[str, str]] = paired.select("id", "renewal").drop_nulls().collect().rows()
    return pairs


def by_recordlinkage(folder: Path) -> Links:
    """Pairs that share an id, compared by days and by amount; of each charge's, the most alike."""
    import pandas as pd
    import recordlinkage

    charges, renewals = _frames(folder)
    for frame, day in ((charges, "day"), (renewals, "due")):
        frame["number"] = (frame[day] - pd.Timestamp("2020-01-01")).dt.days
    index = recordlinkage.Index()
    for way in ("membership", "subscription", "customer"):
        index.block(way)
    pairs = index.index(charges, renewals)
    compare = recordlinkage.Compare()
    compare.numeric("number", "number", method="linear", offset=0, scale=REACH / 2, label="days")
    compare.numeric("minor", "minor", method="gauss", offset=0, scale=1000, label="amount")
    alike = compare.compute(pairs, charges, renewals)
    alike = alike[alike["days"] > 0]
    alike = (alike["days"] * 2 + alike["amount"]).rename("alike").reset_index()
    best = alike.sort_values("alike", ascending=False).drop_duplicates("level_0")
    ids = zip(charges["id"].loc[best["level_0"]], renewals["id"].loc[best["level_1"]], strict=True)
    return list(ids)


def by_splink(folder: Path) -> Links:
    """A Fellegi-Sunter model with the usual training; of each charge's pairs the likeliest, from one half on."""
    import splink.comparison_level_library as levels
    import splink.comparison_library as compare
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    charges, renewals = _frames(folder)
    charges, renewals = (frame.rename(columns={"id": "unique_id", "due": "day"}) for frame in (charges, renewals))
    columns = ["unique_id", "day", "minor", "currency", "subscription", "customer", "email", "membership"]
    told = [frame[columns].where(frame[columns].notna(), None) for frame in (charges, renewals)]
    near = f"abs(date_diff('day', l.day, r.day)) <= {REACH}"
    ways = [way for way in ("subscription", "customer", "email") if all(frame[way].notna().any() for frame in told)]
    amount = compare.CustomComparison(
        output_column_name="minor",
        comparison_levels=[
            levels.NullLevel("minor"),
            levels.ExactMatchLevel("minor"),
            levels.PercentageDifferenceLevel("minor", 0.25),
            levels.ElseLevel(),
        ],
    )
    days = compare.AbsoluteTimeDifferenceAtThresholds(
        "day", input_is_string=False, metrics=["day", "day", "day"], thresholds=[2, 6, 14]
    )
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[*(compare.ExactMatch(way) for way in ways), amount, days],
        blocking_rules_to_generate_predictions=[f"l.{way} = r.{way} and {near}" for way in ways],
    )
    api = DuckDBAPI()
    frames = [
        api.register(frame, dataset_display_name=name)
        for frame, name in zip(told, ("charges", "renewals"), strict=True)
    ]
    linker = Linker(frames, settings)
    sure = f"l.{ways[0]} = r.{ways[0]} and l.day = r.day"
    linker.training.estimate_probability_two_random_records_match([sure], recall=0.9)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in ([block_on("day", "minor")], [f"l.{ways[0]} = r.{ways[0]} and {near}"]):
        linker.training.estimate_parameters_using_expectation_maximisation(*rule)
    likely = linker.inference.predict(threshold_match_probability=0.5).as_pandas_dataframe()
    swapped = likely["source_dataset_l"] != "charges"
    for one, other in (("unique_id_l", "unique_id_r"), ("day_l", "day_r")):
        likely.loc[swapped, [one, other]] = likely.loc[swapped, [other, one]].to_numpy()
    likely["apart"] = (likely["day_l"] - likely["day_r"]).abs()
    best = likely.sort_values(["match_weight", "apart"], ascending=[False, True]).drop_duplicates("unique_id_l")
    return _pairs(best, "unique_id_l", "unique_id_r")


def by_reconcile_py(folder: Path) -> Links:
    """One membership at a time, since a call compares all with all: a quarter of the amount and ten days apart at most,
    the ids alike."""
    from reconcile import FieldRule, ReconcileConfig, Record, reconcile

    rules = (
        FieldRule("amount", "gate", pct_tol=Decimal(25)),
        FieldRule("date", "gate", day_tol=10),
        FieldRule("reference", "grade"),
    )
    config = ReconcileConfig(rules=rules, threshold=0.0)
    names = {row["name"]: row["membership"] for row in _rows(folder / "names.csv")}
    charges, renewals = defaultdict(list), defaultdict(list)
    for row in _rows(folder / "charges.csv"):
        whose = next((names[row[way]] for way in WAYS if row[way] in names), "")
        charges[whose].append(_record(Record, row, "day"))
    for row in _rows(folder / "renewals.csv"):
        renewals[row["membership"]].append(_record(Record, row, "due"))
    for whose, owed in renewals.items():
        for match in reconcile(charges[whose], owed, config).matches:
            yield from itertools.product(match.left_ids, match.right_ids)


def _record(kind: Callable[..., object], row: Row, day: str) -> object:
    at, amount = date.fromisoformat(row[day]), Decimal(row["minor"]) / 100
    return kind(amount, at, reference=row["subscription"] or row["customer"], id=row["id"])


def _rows(file: Path) -> list[Row]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _frames(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Charges, with the membership whose name they carry, and renewals."""
    import pandas as pd

    charges = pd.read_csv(folder / "charges.csv", dtype=str).astype({"minor": "int64"})
    renewals = pd.read_csv(folder / "renewals.csv", dtype=str).astype({"minor": "int64"})
    charges["day"], renewals["due"] = (pd.to_datetime(days) for days in (charges["day"], renewals["due"]))
    whose = pd.read_csv(folder / "names.csv", dtype=str).set_index("name")["membership"]
    charges["membership"] = charges[WAYS[0]].map(whose)
    for way in WAYS[1:]:
        charges["membership"] = charges["membership"].fillna(charges[way].map(whose))
    return charges, renewals


def _pairs(frame: pd.DataFrame, charge: str, renewal: str) -> Links:
    return zip(frame[charge], frame[renewal], strict=True)


MATCHERS: dict[str, Callable[[Path], Links]] = {
    "pandas": by_pandas,
    "polars": by_polars,
    "recordlinkage": by_recordlinkage,
    "splink": by_splink,
    "reconcile-py": by_reconcile_py,
}


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    with (folder / "links.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(MATCHERS[name](folder))
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    (folder / "memory").write_text(kilobytes, encoding="ascii")


if __name__ == "__main__":
    main()
