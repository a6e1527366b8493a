#!/usr/bin/env python3
"""Calls every function of the extension with random arguments: sql.py SERVER_LOG ARTIFACTS SECONDS SEED, run by sql.sh.

The server has to stay up, answer every statement in time and in bounded memory, and tell of no defect and no planted
value. The statements of a session that breaks this are written into ARTIFACTS, to be run again with psql."""

import collections
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time

from sql_statements import Maker

LOG, ARTIFACTS, SECONDS, SEED = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
WORKERS, SLACK, MOST_KB = 2, 10, 2 << 20
DEFECT = re.compile(
    r"planted-value|panicked|called `|out of bounds|attempt to|internal error|invalid memory alloc|\bXX00[012]\b|PANIC:"
    r"|terminated by signal|server closed the connection|crash of another|reference leak|was not closed|leaked"
)
# What the manual says of bytes that are no model, and of rows that no model of ours makes.
DOCUMENTED = re.compile(r'XX001:? +(argument "bytes" is no model|stored model is damaged): ')
STATE = re.compile(r"(?:ERROR|FATAL|NOTICE):  ([0-9A-Z]{5})(?::  ([0-9A-Z]{5}) )?")
CALL = re.compile(r"tablediffusion_(\w+)\(")
FACTS = """SELECT json_build_object(
    'functions', (SELECT json_agg(json_build_array(proname, ARRAY(
            SELECT ARRAY[proargnames[i + 1], format_type(proargtypes[i], NULL)]
            FROM generate_series(0, pronargs - 1) AS i), pronargdefaults) ORDER BY proname, pronargs)
        FROM pg_proc WHERE proname LIKE 'tablediffusion%'),
    'methods', known_methods(),
    'views', (SELECT json_agg(relname ORDER BY relname)
        FROM pg_class WHERE relnamespace = 'tablediffusion'::regnamespace AND relkind IN ('r', 'v')),
    'relations', (SELECT json_object_agg(format('%I.%I', nspname, relname), ARRAY(
            SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 ORDER BY attnum)
            ORDER BY nspname, relname)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname IN ('public', 'Odd Schema')
            OR relname IN ('pg_class', 'pg_roles', 'pg_statistic', 'models_store', 'ledger', 'progress')),
    'bodies', (SELECT json_agg(encode(substr(tablediffusion_export(name), 43), 'hex') ORDER BY place)
        FROM unnest('{kinds,visits,small}'::text[]) WITH ORDINALITY AS m (name, place)))"""

failed = threading.Event()


def fail(why, statements):
    """Says it once, and leaves what has to be run to see it again."""
    failed.set()
    os.makedirs(ARTIFACTS, exist_ok=True)
    path = os.path.join(ARTIFACTS, f"sql-{SEED}-{threading.current_thread().name}.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"SET statement_timeout = {limit};\n{statement};\n" for statement, limit in statements)
    print(f"FAILED: {why[:3000]}\nby: {statements[-1][0][:2000]}\nSee {path}: {len(statements)} statements")


class Session:
    """One psql. Rows go nowhere; what is told to the user comes back."""

    def __init__(self, keep):
        command = "psql -XqAt -v VERBOSITY=verbose -v SHOW_CONTEXT=never".split() + ["-v", f"ON_ERROR_ROLLBACK={keep}"]
        pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.psql = subprocess.Popen(command, encoding="utf-8", errors="replace", **pipe)
        self.lines = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()
        self.pid = int(self.run("SELECT pg_backend_pid(); \\o /dev/null", 30)[0])

    def listen(self):
        for line in self.psql.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def run(self, statement, limit):
        """What is told, and whether an answer came within so many seconds."""
        told, end = [], time.monotonic() + limit
        try:
            self.psql.stdin.write(statement + "\n\\echo done\n")
            self.psql.stdin.flush()
            while (line := self.lines.get(timeout=max(0.01, end - time.monotonic()))) != "done\n":
                if line is None:
                    return "".join(told), False
                told.append(line)
        except (queue.Empty, BrokenPipeError):
            return "".join(told), False
        return "".join(told), True

    def peak(self):
        """The most memory that its server process has had, in kB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1))

    def close(self):
        self.psql.stdin.close()
        self.psql.wait(SLACK)


def session(maker, tally):
    """Runs the statements of a session; says what is wrong."""
    server, ran = Session(maker.pick(["on", "off"])), []
    for statement, limit in maker.session():
        ran.append((statement, limit))
        server.run(f"SET statement_timeout = {limit};", SLACK)
        told, answered = server.run(statement + ";", limit / 1000 + SLACK)
        defect = next((line for line in told.splitlines() if DEFECT.search(line) and not DOCUMENTED.search(line)), None)
        if defect or not answered:
            return fail(f"{defect or 'no answer in time'}\n{told}", ran)
        peak = server.peak()
        tally["peak"] = max(tally["peak"], peak)
        if peak > MOST_KB:
            return fail(f"the server process took {peak} kB", ran)
        tally["statements"] += 1
        found = [inside or outside for outside, inside in STATE.findall(told)]
        tally.update(found)
        if called := CALL.search(statement):
            tally[f"{called[1]} called"] += 1
            tally[f"{called[1]} done"] += not any(state not in ("00000", "01000") for state in found)
        if failed.is_set():
            return None
    return server.close()


def work(number, facts, end, tallies):
    """Session after session, each by a seed of its own."""
    tally = tallies[number]
    while time.monotonic() < end and not failed.is_set():
        tally["sessions"] += 1
        session(Maker(f"{SEED} {number} {tally['sessions']}", facts), tally)


def main():
    found = subprocess.run(["psql", "-XAtq", "-c", FACTS], check=True, capture_output=True, text=True).stdout
    facts = json.loads(found)
    facts["bodies"] = [bytes.fromhex(body) for body in facts["bodies"]]
    tallies = [collections.Counter() for _ in range(WORKERS)]
    end = time.monotonic() + SECONDS
    workers = [threading.Thread(target=work, args=(number, facts, end, tallies)) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with open(LOG, encoding="utf-8", errors="replace") as log:
        for line in log:
            if DEFECT.search(line) and not DOCUMENTED.search(line):
                failed.set()
                print(f"FAILED: the server's log says: {line[:3000]}")
    peak = max(tally.pop("peak", 0) for tally in tallies)
    total = sum(tallies, collections.Counter())
    print(f"{total['statements']} statements in {total['sessions']} sessions, {peak >> 10} MB of memory at most.")
    called = [key.removesuffix(" called") for key in sorted(total) if key.endswith(" called")]
    calls = (f"{name} {total[f'{name} done']}/{total[f'{name} called']}" for name in called)
    print("Done of those called:", ", ".join(calls))
    print("SQLSTATEs:", ", ".join(f"{key} {n}" for key, n in total.most_common() if re.fullmatch("[0-9A-Z]{5}", key)))
    sys.exit(failed.is_set())


main()
