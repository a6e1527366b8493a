"""Random statements for sql.py."""

import json

from sql_models import ODD, Forger, seal

BLOCKS_A_SESSION = 40
FLOATS = [
    "1", "0.1", "10", "50", "1e-6", "0", "-0", "-1", "1e308", "5e-324", "1e-300", "0.5", "NaN", "Infinity",
    "-Infinity", "0.999999999",
]
INTS = [0, 1, -1, 2, 5, 100, 4095, 4096, 4097, 32768, 10**6, 2**31 - 1, 2**31, -2**31, 2**53 + 1, 2**63 - 1, -2**63]
OPTIONS = """
    paper epochs batch_size learning_rate clipping_norm normalise diffusion_steps noise_max noise_min hidden
    time_conditioning prior numeric_bins least_share ema sampling_steps calibration_rounds rounds marginals_a_round
    targets latent generator_learning_rate generator_steps weight_bound compression autoencoder_share dimension
    heads mixture divergence_weight teachers teacher_hidden teacher_steps queries
""".split()
SETTINGS = [
    "tablediffusion.threads = 1", "tablediffusion.delta = 1e-30", "tablediffusion.delta = 0.5",
    "tablediffusion.progress_interval = 1", "search_path = ''", "search_path = pg_temp, \"Odd Schema\"",
    "extra_float_digits = -15", "datestyle = 'German'", "timezone = 'Asia/Kathmandu'",
    "intervalstyle = 'sql_standard'", "work_mem = '64kB'", "maintenance_work_mem = '1MB'", "row_security = off",
    "role = 'td_few'", "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on",
    "bytea_output = 'escape'", "lock_timeout = 20", "session_replication_role = 'replica'",
    "tablediffusion.memory_limit = '64kB'", "tablediffusion.default_budget = 3", "jit_above_cost = 0",
]
DDL = [
    "ALTER TABLE kinds ADD COLUMN more int", "ALTER TABLE kinds ALTER \"a b\" TYPE bigint",
    "DROP TABLE visits CASCADE", "ALTER TYPE mood RENAME TO moods", "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'new'",
    "CREATE TABLE made (LIKE kinds)", "DROP DOMAIN word CASCADE", "TRUNCATE kinds", "DROP ROLE td_few",
    "CREATE TEMP TABLE kinds (id text)", "LOCK TABLE visits", "DROP EXTENSION tablediffusion CASCADE",
    "ALTER EXTENSION tablediffusion SET SCHEMA \"Odd Schema\"", "ALTER DOMAIN grade RENAME TO graded",
    "DELETE FROM tablediffusion.models_store", "ALTER TABLE kinds RENAME id TO \"id'\"",
]
SCALARS = [None, True, 0, 7, 40, -1.5, 1e308, "fine", "word 1", "place 2", "2001-01-01", "12:00", "1 day", "c1", ""]
QUICK = [{}, {"rounds": 1}, {"rounds": 0}, {"epochs": 0.2, "hidden": [8]}, {"epochs": 1, "hidden": [4]}]
NAMES = {
    "model": ["kinds", "visits", "small", "new", "brought", "other"],
    "new_name": ["new", "other", "kinds"],
    "role": ["td_few", "td_some", "public", "postgres"],
    "target": ["made", '"Odd Schema".made', 'public."ma de"', "pg_temp.made"],
    "including": ["comments", "constraints", "indexes", "all"],
}
ROWS = [
    "1", "'x'::text", "row(1, 2)", "ARRAY[NULL::visits]", "NULL::pair", "NULL::visits_domain", "NULL::pg_class", "NULL",
    "NULL::mood", "NULL::int4range", "row(1, 'x')::pair", "(SELECT k FROM kinds AS k LIMIT 1)",
    "NULL::tablediffusion.models",
]
MANY = "array_fill('a'::text, ARRAY[3000])"


def quoted(text):
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


class Maker(Forger):
    """Random statements. `facts` are of the server: functions, relations, columns and the bytes of models."""

    def __init__(self, seed, facts):
        tables = facts["relations"]
        super().__init__(seed, facts["bodies"], sorted({name for columns in tables.values() for name in columns}))
        self.facts, self.relations = facts, list(tables)
        # Half of them is the fast method.
        self.methods = ["guided"] * len(facts["methods"]) + facts["methods"]
        self.relation = "public.kinds"

    def column(self):
        """Mostly one of the relation that the call is about."""
        columns = self.facts["relations"][self.relation] if self.chance(0.9) else self.columns
        return self.pick(columns or ["a"])

    def scalar(self):
        return self.pick([*SCALARS, self.pick(ODD)])

    def declared(self):
        values, bounds = [self.scalar() for _ in range(3)], [self.scalar() for _ in range(2)]
        return self.pick([{"values": values}, {"min": bounds[0], "max": bounds[1]}, {"min": 0, "max": 99}])

    def object(self, name):
        """What argument `name` may be."""
        if name == "given":
            return {self.column(): self.scalar() for _ in range(self.random.randrange(1, 3))}
        if name == "domain":
            return {self.column(): self.declared() for _ in range(self.random.randrange(1, 3))}
        if self.chance(0.6):
            return self.pick(QUICK)
        values = [0, 0.1, 1, 2, 3, 8, [8], [4, 4], True, self.any_json()]
        return {self.pick(OPTIONS): self.pick(values) for _ in range(self.random.randrange(1, 4))}

    def good(self, name, kind):
        if kind == "regclass":
            return quoted(self.relation if self.chance(0.8) else self.pick(self.relations)) + "::regclass"
        if kind == "double precision":
            return self.pick(["1", "10", "50", "1e-6", "0.3"] if name == "epsilon" else ["1e-6", "1e-9", "0.1"])
        if kind in ("integer", "bigint"):
            return str(self.pick([1, 5, 20, 100, 5000, self.random.randrange(1 << 20)]))
        if kind == "boolean":
            return self.pick(["true", "false"])
        if kind == "jsonb":
            return quoted(json.dumps(self.object(name))) + "::jsonb"
        if kind == "bytea":
            return "'\\x" + self.model().hex() + "'"
        if kind == "anyelement":
            return "NULL::" + self.pick(self.relations)
        if kind.endswith("[]"):
            names = NAMES["including"] if name == "including" else [self.column() for _ in range(3)]
            return f"ARRAY[{', '.join(map(quoted, self.some(names)))}]::{kind}"
        names = self.methods if name == "method" else NAMES.get(name) or [self.column()]
        return quoted(self.pick(names)) + "::" + kind

    def bad(self, kind):
        if self.chance(0.2):
            return "NULL::" + ("visits" if kind == "anyelement" else kind)
        if kind == "regclass":
            return f"{self.pick([0, 1, 1259, 2619, 4294967295, 16384])}::oid::regclass"
        if kind == "double precision":
            return quoted(self.pick(FLOATS)) + "::float8"
        if kind in ("integer", "bigint"):
            return quoted(str(self.pick(INTS))) + "::" + kind
        if kind == "jsonb":
            return quoted(json.dumps(self.any_json())) + "::jsonb"
        if kind == "bytea":
            return "'\\x" + self.random.randbytes(self.random.randrange(99)).hex() + "'::bytea"
        if kind == "anyelement":
            return self.pick(ROWS)
        if kind.endswith("[]"):
            odd = f"ARRAY[{', '.join(map(quoted, [*self.some(ODD), 'a']))}]"
            return self.pick(["'[3:4]={a,b}'", "'{{a,b},{c,d}}'", "ARRAY[NULL, NULL]", "'{}'", MANY, odd]) + "::" + kind
        return quoted(self.pick(ODD)) + "::" + kind if kind != "boolean" else "NULL"

    def call(self):
        """A call whose arguments mostly go together."""
        name, arguments, optional = self.pick(self.facts["functions"])
        if name.endswith(("_spent_epsilon", "_remaining_epsilon", "_version")) and self.chance(0.7):
            return self.call()
        self.relation = self.pick(["public.kinds", "public.visits", self.pick(self.relations)])
        wrong = self.pick([0, 0, 0, 0.1, 0.3, 1])
        given = []
        for place, (argument, kind) in enumerate(arguments):
            if place < len(arguments) - optional or self.chance(0.3):
                given.append(f"{argument} => {self.bad(kind) if self.chance(wrong) else self.good(argument, kind)}")
        return f"{name}({', '.join(given)})"

    def statement(self):
        """A call in one of many places where calls can be, or something that gets in its way."""
        call, read = self.call(), self.random.randrange(16)
        if read < 6:
            return f"SELECT sum(length(x::text)) FROM {call} AS x"
        if read == 9:
            return f"SELECT * FROM tablediffusion.{self.pick(self.facts['views'])}"
        if read == 10 and self.chance(0.5):
            return "SET " + ("LOCAL " if self.chance(0.5) else "") + self.pick(SETTINGS)
        caught = f"PERFORM {call}; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '% %', SQLSTATE, SQLERRM"
        return {
            6: f"SELECT {call}",
            7: f"DO $fuzz$ BEGIN {caught}; END $fuzz$",
            8: f"SELECT x FROM {call} AS x LIMIT 1",
            11: f"SELECT count(x) FROM generate_series(1, 3) AS g, LATERAL {call} AS x",
            12: f"EXPLAIN (ANALYZE, VERBOSE) SELECT x FROM {call} AS x",
            13: f"CREATE TEMP TABLE t{self.random.randrange(5)} AS SELECT * FROM {call}",
            14: f"COPY (SELECT x::text FROM {call} AS x) TO STDOUT",
        }.get(read, f"SELECT count(*) FROM {call}")

    def brought(self):
        """An import of hostile bytes, and every use of what came in."""
        yield f"SELECT tablediffusion_import({self.good('bytes', 'bytea')}, 'brought', true)"
        yield f"SELECT sum(length(x::text)) FROM tablediffusion_sample('brought', {self.pick([1, 50, 5000])}) AS x"
        row = "NULL::" + self.pick(self.relations if self.chance(0.5) else ["kinds", "visits"])
        yield f"SELECT sum(length(x::text)) FROM tablediffusion_sample('brought', 50, {row}) AS x"
        including = self.pick(["{}", "{all}", "{constraints}"])
        yield f"SELECT tablediffusion_create_table('brought', 'brought', 50, including => '{including}')"
        yield "SELECT sum(length(b::text)) FROM brought AS b"
        yield f"SELECT tablediffusion_refresh_table('{self.pick(['brought', 'visits', 'kinds'])}', 'brought', 20)"
        yield f"SELECT length(tablediffusion_report('brought'{self.pick(['', ', $$kinds$$'])}))"
        yield "SELECT length(row_to_json(c)::text) FROM tablediffusion.columns AS c WHERE model = 'brought'"
        given = self.good("given", "jsonb")
        yield f"SELECT sum(length(x::text)) FROM tablediffusion_sample('brought', 20, given => {given}) AS x"
        yield "SELECT length(tablediffusion_export('brought'))"

    def block(self):
        """Statements that go together."""
        kind, end = self.random.randrange(8), self.pick(["COMMIT", "ROLLBACK"])
        if kind == 0:
            return ["RESET ROLE", "BEGIN", *self.brought(), "ROLLBACK"]
        if kind == 1:
            inside = ["SAVEPOINT s", self.statement(), "ROLLBACK TO s", self.statement()]
            return ["BEGIN", self.pick(DDL), self.statement(), *inside, "ROLLBACK"]
        if kind == 2:
            inside = ["SAVEPOINT s", self.statement(), self.pick(["ROLLBACK TO s", "RELEASE s"])]
            cursor = [f"DECLARE c CURSOR FOR SELECT x FROM {self.call()} AS x", "FETCH 2 FROM c"]
            return ["BEGIN", self.statement(), *inside, *cursor, end]
        return [self.statement()]

    def session(self):
        """Statements with their time-outs in milliseconds; the first ones mend what others left."""
        for model, body in zip(NAMES["model"], self.bodies):
            yield f"SELECT tablediffusion_import('\\x{seal(body).hex()}', '{model}', true)", 3000
        yield "SELECT tablediffusion_set_budget(to_regclass(source), NULL) FROM tablediffusion.budgets", 3000
        yield "DROP TABLE IF EXISTS made, \"Odd Schema\".made, \"ma de\", brought CASCADE", 3000
        yield f"SET ROLE {self.pick(['postgres', 'postgres', 'td_some', 'td_few'])}", 3000
        for _ in range(BLOCKS_A_SESSION):
            limit = self.pick([1, 5, 20, 100, 500, 2000, 3000, 3000, 3000])
            for statement in self.block():
                yield statement, limit
