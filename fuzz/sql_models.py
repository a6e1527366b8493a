"""Hostile models for sql.py: real ones, changed, with a checksum that matches."""

import hashlib
import json
import random

ODD = [
    "", " ", "a", "'", '"', "\\", "%s %n", "$1", "ünï\u202e😀", "x" * 63, "x" * 64, "y" * 5000, "a\nb", "public",
    "NULL", "*", "pg_catalog", "1; DROP TABLE visits", "{}", "\x7f\x01", "0", "-1", "1e400", "NaN", "infinity",
    "planted",
]
NUMBERS = [0, 1, -1, 2, 4096, 2**31, -2**31, 2**53 + 1, 2**63 - 1, -2**63]
TYPES = [
    "integer", "bigint", "smallint", "text", "numeric(40,20)", "numeric(3,-2)", "no.such", "record", "void", "cstring",
    "internal", '"char"', "int[]", "oid", "regclass", "pg_class", "json", "bit(3)", "interval day", "char(1)",
    "varchar(2)", "visits", "timestamp(3)", "mood", "grade", "word", "anyelement", "setof int", "int4range", "name",
    "unknown", "trigger", "public.pair", "visits_domain", "money", "inet", "xml", "(", "",
]
EXPRESSIONS = [
    "true", "NULL", '"a b" > 0', '"a b" / 0 = 1', "1", "'x'", "VALUE > 0", "(SELECT true)", "pg_sleep(9) IS NULL",
    "id > 0", "count(*) > 0", "tablediffusion_version() = ''", '"grün" ~ \'(a*)*b\'', '"a b" IN (1, 2)',
    '"a b" = ANY (ARRAY[1, NULL])', "price::text::numeric > 0", "(", "true; SELECT 1",
    "CASE WHEN price > 1 THEN true END", "$1", "born + 1 > born", "length(repeat('x', 2000000000)) > 0", "((" * 2000,
    "NOT " * 3000 + "true", "said LIKE '%\\'", "exact ^ 99999 > 0", "stamp > 'infinity'", "row(1, 2) = row(id, 2)",
    "yes", "tableoid > 0", "kinds IS NOT NULL", "feeling = 'fine'", "zoned::date > born",
    "\"a b\" COLLATE \"C\" = 'x'", "GREATEST(price, exact) > 1",
]


def varint(number):
    return bytes([number]) if number < 128 else bytes([number % 128 + 128]) + varint(number // 128)


def seal(body):
    return b"TDIFFMDL\x01\x00" + hashlib.sha256(body).digest() + body


def description(body):
    """The position of the JSON in the bytes of a model, its length, and its value."""
    place = body.index(b'{"source":')
    # What follows the JSON is no text; so read, each of its bytes is a character.
    _, length = json.JSONDecoder().raw_decode(body[place:].decode("latin-1"))
    return place, length, json.loads(body[place:place + length])


class Forger:
    """Makes models of `bodies`, which are about some of `columns`."""

    def __init__(self, seed, bodies, columns):
        self.random, self.bodies, self.columns = random.Random(seed), bodies, columns
        self.kinds = [column["kind"] for body in bodies for column in description(body)[2]["columns"]]

    def chance(self, share):
        return self.random.random() < share

    def pick(self, options):
        return self.random.choice(options)

    def some(self, options, most=4):
        return [self.pick(options) for _ in range(self.random.randrange(most + 1))]

    def any_json(self, depth=0):
        kind = self.random.randrange(9 if depth < 3 else 7)
        if kind == 7:
            return [self.any_json(depth + 1) for _ in range(self.random.randrange(4))]
        if kind == 8:
            keys = self.some(ODD + ["values", "min", "max"])
            return {key: self.any_json(depth + 1) for key in keys}
        return [None, True, self.pick(NUMBERS), self.random.uniform(-9, 99), self.pick(ODD), 1e308, 10**300][kind]

    def kind(self):
        units = {self.pick(["time", "timestamp", "timestamptz"]): {"unit": self.pick([1, 1000, 10**6, 7, 0, -1])}}
        return self.pick([units, {"decimal": {"scale": self.pick([-15, 0, 2, 18, 19])}}, self.pick(self.kinds)])

    def check(self):
        return {
            "name": self.pick(ODD), "expression": self.pick(EXPRESSIONS), "columns": self.some(self.columns, 2),
            "of_domain": self.chance(0.3),
        }

    def unique(self):
        return {"name": "u", "columns": self.some(self.columns, 3), "nulls_equal": self.chance(0.5)}

    def described(self, value):
        """The description of a model's columns, with some parts changed, taken away, doubled, or of another type."""
        places = []

        def walk(inside):
            for key in inside.keys() if isinstance(inside, dict) else range(len(inside)):
                places.append((inside, key))
                if isinstance(inside[key], (dict, list)):
                    walk(inside[key])

        walk(value)
        fitting = {
            "type": lambda: self.pick(TYPES), "name": lambda: self.pick(self.columns + ODD), "kind": self.kind,
            "key": lambda: self.pick([None, "number", "uuid", "text"]), "source_rows_only": lambda: self.pick(ODD),
            "checks": lambda: [self.check() for _ in range(3)], "uniques": lambda: [self.unique() for _ in range(2)],
        }
        for _ in range(self.pick([1, 1, 2, 4])):
            inside, key = self.pick(places)
            change = self.random.randrange(8)
            if change < 5 and key in fitting:
                inside[key] = fitting[key]()
            elif change == 5 and isinstance(inside, dict):
                inside.pop(key, None)
            elif change == 6 and isinstance(inside, list):
                inside[:] = inside + inside[:1] if self.chance(0.5) else inside[1:]
            elif key in inside or isinstance(inside, list) and key < len(inside):
                inside[key] = not inside[key] if isinstance(inside[key], bool) else self.any_json()
        return value

    def model(self):
        """One with another description of its columns, another name, other bytes, or several of these."""
        body = self.pick(self.bodies)
        if self.chance(0.1):
            return seal(body)
        if self.chance(0.7):
            place, length, value = description(body)
            before, after = body[:place - len(varint(length))], body[place + length:]
            text = json.dumps(self.described(value), ensure_ascii=self.chance(0.5)).encode()
            body = before + varint(len(text)) + text + after
        if self.chance(0.3):
            # The same name for the model and for its description.
            name = self.pick(self.columns).encode()
            other = self.random.randbytes(len(name)) if self.chance(0.3) else "ä".encode() * (len(name) // 2)
            body = body.replace(name, other.ljust(len(name), b"x"))
        if self.chance(0.3):
            body = bytearray(body)
            for _ in range(self.pick([1, 2, 8])):
                body[self.random.randrange(len(body))] = self.pick([0, 1, 127, 128, 255, self.random.randrange(256)])
        return seal(bytes(body))
