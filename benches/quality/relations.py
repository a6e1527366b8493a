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


DAY = 86_400


def calls():
    """Calls on weekdays from eight to six, most at ten and at three, orders before noon, and the days of payment."""
    rng, rows = np.random.default_rng(4), 20_000
    day = rng.integers(8_000, 8_730, rows)
    day += np.maximum(2 - day % 7, 0)  # 2000-01-01 was a Saturday.
    hour = np.clip(np.where(rng.random(rows) < 0.5, rng.normal(10, 1, rows), rng.normal(15, 1, rows)), 8, 17.99)
    kind = np.where((hour < 12) ^ (rng.random(rows) < 0.1), "order", "complaint")
    at = day * DAY + (hour * 3_600).astype(int)
    return pd.DataFrame({"at": at, "kind": kind, "paid": day + rng.integers(1, 30, rows)})


def bills():
    """Bills on the first or the last of a month of six years, booked at whole hours."""
    rng, rows = np.random.default_rng(5), 20_000
    day = pd.Series(pd.Timestamp("2016-01-01") + pd.to_timedelta(rng.integers(0, 2_190, rows), unit="D"))
    due = day.dt.to_period("M").dt.start_time.where(rng.random(rows) < 0.7, day + pd.offsets.MonthEnd(0))
    return pd.DataFrame({
        "due": (due - pd.Timestamp("2000-01-01")).dt.days,
        "booked": 8_000 * DAY + 3_600 * rng.integers(0, 24 * 800, rows),
        "amount": np.round(rng.lognormal(3, 1, rows), 2),
    })


def frauds():
    """One row of a hundred is a fraud of a high amount."""
    rng, rows = np.random.default_rng(6), 20_000
    fraud = np.arange(rows) % 100 == 0
    amount = np.where(fraud, 800 + 400 * rng.random(rows), 20 + 160 * rng.random(rows))
    return pd.DataFrame({"amount": np.round(amount, 2), "hour": rng.integers(0, 24, rows), "fraud": fraud})


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


def of_calls(real, s):
    hour, day = s["at"] % DAY / 3_600, s["at"] // DAY
    yield "a call is between eight and six", hour.between(8, 18).mean()
    yield "a call is on a weekday", (day % 7 >= 2).mean()
    yield "a call before noon is an order, or it is neither (real: 0.9)", ((hour < 12) == (s.kind == "order")).mean()
    yield "a payment is not before its call", (s.paid >= day).mean()


def of_bills(_, s):
    due = pd.Timestamp("2000-01-01") + pd.to_timedelta(s.due, unit="D")
    yield "a bill is due on the first or the last of a month", (due.dt.is_month_start | due.dt.is_month_end).mean()
    yield "a bill is due on the first (real: 0.7)", due.dt.is_month_start.mean()
    yield "a bill is booked at a whole hour", (s.booked % 3_600 == 0).mean()


def of_frauds(_, s):
    fraud = s.fraud.astype(str) == "True"
    yield "share of frauds (real: 0.01)", fraud.mean()
    yield "a fraud is of more than 700", (s.amount[fraud] > 700).mean()
    yield "no other row is", (s.amount[~fraud] <= 700).mean()


def of_telco(_, s):
    services = ["OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies"]
    none = s.InternetService == "No"
    yield "six services are \"No internet service\" exactly if there is none", np.all(
        [(s[service] == "No internet service") == none for service in services], axis=0
    ).mean()
    yield "there is no phone service exactly if there are no lines", (
        (s.PhoneService == "No") == (s.MultipleLines == "No phone service")
    ).mean()


def of_vienna(real, s):
    yield "a community lies in its district", exist(real, s, "cadastral", "district")


MADE = {
    "codes": codes, "parcels": parcels, "people": people, "invoices": invoices, "stays": stays, "facts": facts,
    "calls": calls, "bills": bills, "frauds": frauds,
}
# Columns of dates and timestamps, with their units in a day.
MOMENTS = {
    "parcels": ["ordered=1", "shipped=1", "delivered=1"], "people": ["born=1"],
    "stays": ["admitted=1440", "discharged=1440"],
    "calls": [f"at={DAY}", "paid=1"], "bills": ["due=1", f"booked={DAY}"],
}
RELATIONS = {
    "codes": of_codes, "parcels": of_parcels, "people": of_people, "invoices": of_invoices, "stays": of_stays,
    "facts": of_facts, "calls": of_calls, "bills": of_bills, "frauds": of_frauds,
    "telco": of_telco, "vienna": of_vienna,
}


def train(engine, source, target, epsilon, seed, moments):
    command = [engine, "--bench"] if engine else ["cargo", "bench", "-q", "--no-default-features", "--bench", "csv", "--"]
    options = ["--method", "guided", "--epsilon", str(epsilon), "--seed", str(seed)]
    drop = ["--drop", "customerID"] if "customerID" in Path(source).open().readline() else []
    options += [word for column in moments for word in ("--moments", column)]
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
                train(given.engine, path, target, given.epsilon, seed, MOMENTS.get(name, []))
                for what, value in RELATIONS[name](real, pd.read_csv(target)):
                    found.setdefault(what, []).append(value)
            for what, values in found.items():
                print(f"| {name} | {what} | {', '.join(f'{value:.3f}'.rstrip('0').rstrip('.') for value in values)} |", flush=True)


if __name__ == "__main__":
    main()
