#!/usr/bin/env python3
"""What holds between the columns of a table, and in how many synthetic rows it still holds: a Markdown table.

relations.py [--engine BINARY] [--epsilon E] [--seeds N] [--table NAME=CSV]...

Trains `guided`, with learned domains, on made-up tables whose relations are known. BINARY is the bench csv
(`cargo bench --no-default-features --bench csv --no-run`); without it, cargo builds and runs it. `--table` adds a table of
your own: of those named telco (IBM's customers, without customerID) and vienna (sales of Vienna's land register) the
relations are known too. Needs numpy and pandas.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

TODAY = 8766  # 2024-01-01, in days since 2000-01-01


def codes():
    """300 products, each with a number, a code and a label."""
    sale = np.arange(30_000)
    product = sale * 7919 % 300
    return pd.DataFrame({
        "number": 1000 + 3 * product,
        "code": [f"C{p:04}" for p in product],
        "label": [f"product {p}" for p in product],
        "quantity": 1 + sale % 9,
    })


def parcels():
    """Days of ordering, shipping and delivery; some have not happened yet."""
    parcel = np.arange(20_000)
    ordered = 8000 + parcel * 7 % 1000
    shipped = ordered + 1 + parcel % 4
    delivered = shipped + 2 + parcel % 5
    table = pd.DataFrame({"ordered": ordered, "shipped": shipped, "delivered": delivered}).astype("Int64")
    table.loc[parcel % 10 == 0, "shipped"] = pd.NA
    table.loc[parcel % 10 <= 1, "delivered"] = pd.NA
    return table


def people():
    """Dates of birth, and ages in years."""
    rng = np.random.default_rng(1)
    born = rng.integers(-29_900, 2_000, 20_000)
    return pd.DataFrame({"born": born, "age": ((TODAY - born) / 365.25).astype(int), "sex": rng.choice(["f", "m"], 20_000)})


def invoices():
    """Net, tax of 19 %, and their sum."""
    net = np.round(10 + np.random.default_rng(2).random(10_000) * 990, 2)
    tax = np.round(net * 0.19, 2)
    return pd.DataFrame({"net": net, "tax": tax, "total": np.round(net + tax, 2)})


def stays():
    """Minutes of admission and discharge: a median of four and a half days between them."""
    rng = np.random.default_rng(3)
    admitted = rng.integers(0, 3 * 365 * 1440, 20_000)
    minutes = np.exp(np.log(4.5 * 1440) + rng.standard_normal(20_000)).astype(int) + 30
    return pd.DataFrame({"admitted": admitted, "discharged": admitted + minutes, "ward": rng.choice(list("abcde"), 20_000)})


def facts():
    """Days and months that are written as whole numbers."""
    row = np.arange(12_000)
    day = pd.Series(pd.Timestamp("2022-01-01") + pd.to_timedelta(row * 13 % 900, unit="D"))
    return pd.DataFrame({
        "day": day.dt.strftime("%Y%m%d").astype(int),
        "month": day.dt.strftime("%Y%m").astype(int),
        "shop": [f"s{shop}" for shop in row % 9],
        "sold": row % 50,
    })


def exist(real, synthetic, *columns):
    """Whether each synthetic row has a combination that exists in the real table."""
    rows = lambda table: list(zip(*(table[column].astype(str) for column in columns)))
    known = set(rows(real))
    return np.mean([row in known for row in rows(synthetic)])


def of_codes(real, s):
    yield "a code has its own label", exist(real, s, "code", "label")
    yield "a number has its own code", exist(real, s, "number", "code")


def of_parcels(real, s):
    for first, second in (("ordered", "shipped"), ("shipped", "delivered")):
        gap, own = (s[second] - s[first]).dropna(), (real[second] - real[first]).dropna()
        yield f"{second} is not before {first}", (gap >= 0).mean()
        yield f"days from {first} to {second}, median (real: {own.median():.0f})", gap.median()
    yield "delivered without being shipped (real: none)", (s.shipped.isna() & s.delivered.notna()).mean()


def of_people(_, s):
    yield "the age is that of the date of birth, give or take a year", (
        (s.age - np.floor((TODAY - s.born) / 365.25)).abs() <= 1
    ).mean()


def of_invoices(_, s):
    yield "the total is net and tax within 2 %", ((s.total - s.net - s.tax).abs() <= 0.02 * s.total).mean()


def of_stays(real, s):
    days, own = (s.discharged - s.admitted) / 1440, (real.discharged - real.admitted) / 1440
    yield "a stay ends after it starts", (days >= 0).mean()
    yield f"days of a stay, median (real: {own.median():.1f})", days.median()


def of_facts(_, s):
    yield "a day is a date", pd.to_datetime(s.day.astype(str), format="%Y%m%d", errors="coerce").notna().mean()
    yield "a month is a month", pd.to_datetime(s.month.astype(str), format="%Y%m", errors="coerce").notna().mean()
    yield "the month is that of the day", (s.day // 100 == s.month).mean()


def of_telco(_, s):
    services = ["OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies"]
    none = s.InternetService == "No"
    yield "six services are \"No internet service\" exactly if there is none", np.all(
        [(s[service] == "No internet service") == none for service in services], axis=0
    ).mean()


def of_vienna(real, s):
    yield "a community lies in its district", exist(real, s, "cadastral", "district")


MADE = {"codes": codes, "parcels": parcels, "people": people, "invoices": invoices, "stays": stays, "facts": facts}
RELATIONS = {
    "codes": of_codes, "parcels": of_parcels, "people": of_people, "invoices": of_invoices, "stays": of_stays,
    "facts": of_facts,
    "telco": of_telco, "vienna": of_vienna,
}


def train(engine, source, target, epsilon, seed):
    command = [engine, "--bench"] if engine else ["cargo", "bench", "-q", "--no-default-features", "--bench", "csv", "--"]
    options = ["--method", "guided", "--epsilon", str(epsilon), "--seed", str(seed)]
    drop = ["--drop", "customerID"] if "customerID" in Path(source).open().readline() else []
    subprocess.run([*command, str(source), str(target), *options, *drop], check=True, capture_output=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--table", action="append", default=[])
    given = parser.parse_args()
    print(f"| table | what holds | in synthetic rows, {given.seeds} trainings at epsilon {given.epsilon:g} |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        tables = {name: Path(folder) / f"{name}.csv" for name in MADE}
        for name, path in tables.items():
            MADE[name]().to_csv(path, index=False)
        for name, path in (table.split("=", 1) for table in given.table):
            # The bench knows no quotes.
            own = pd.read_csv(path, dtype=str, keep_default_na=False).replace(",", ";", regex=True)
            tables[name] = Path(folder) / f"{name}.csv"
            own.to_csv(tables[name], index=False)
        for name, path in tables.items():
            real, found = pd.read_csv(path), {}
            for seed in range(given.seeds):
                target = Path(folder) / "synthetic.csv"
                train(given.engine, path, target, given.epsilon, seed)
                for what, value in RELATIONS[name](real, pd.read_csv(target)):
                    found.setdefault(what, []).append(value)
            for what, values in found.items():
                print(f"| {name} | {what} | {', '.join(f'{value:.3f}'.rstrip('0').rstrip('.') for value in values)} |", flush=True)


if __name__ == "__main__":
    main()
