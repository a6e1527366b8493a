-- Domains that are free of charge because they are public: CHECK, domain types, enums, booleans, what the caller declares.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE DOMAIN positive AS numeric(6, 2) CHECK (VALUE > 0);
CREATE TABLE checked (
    a int CHECK (a BETWEEN 1 AND 9),
    b int CHECK (b > 0 AND b < 100),
    c text CHECK (c IN ('x', 'y', 'z')),
    d varchar(4) CHECK (d = ANY (ARRAY['p', 'q'])),
    e char(3) CHECK (e = 'u' OR e = 'v'),
    f numeric(5, 2) CHECK (f >= 0.5 AND 17.25 >= f),
    g date CHECK (g >= '2020-01-01' AND g < '2021-01-01'),
    h timestamp CHECK (h >= date '2020-01-01'),
    i float8 CHECK (i > -1.5),
    j positive,
    k int CHECK (k IS NOT NULL),
    l int,
    m int,
    n int,
    o boolean,
    p text CHECK (length(p) < 10),
    q int8 CHECK (q IN (5, 1, 3)),
    CHECK (m > n),
    CHECK (m >= 0)
);
ALTER TABLE checked ADD CHECK (l > 0) NOT VALID;
INSERT INTO checked
SELECT i % 9 + 1, i % 90 + 1, (ARRAY['x', 'y', 'z'])[i % 3 + 1], (ARRAY['p', 'q'])[i % 2 + 1], (ARRAY['u', 'v'])[i % 2 + 1],
       i % 15 + 1, date '2020-01-01' + i % 300, timestamp '2020-03-01' + i % 300 * interval '1 day', i % 10, i % 10 + 1,
       i % 5, 1, i % 7 + 1, 0, i % 2 = 0, 'p', (ARRAY[5, 1, 3])[i % 3 + 1]
FROM generate_series(1, 1000) AS i;
SELECT tablediffusion_train('checked', 20, options => '{"rounds": 1}');
CREATE FUNCTION shown(of text) RETURNS TABLE (name text, nullable boolean, domain text, kind text, "values" text, cost text)
LANGUAGE sql AS $$
    SELECT name, nullable, domain, kind,
           CASE WHEN domain = 'declared' AND kind = 'categories'
                THEN (SELECT string_agg(v ->> 'value', ' ') FROM jsonb_array_elements("values") AS v) END,
           CASE WHEN domain_share = 0 THEN 'free' ELSE 'paid' END
    FROM tablediffusion.columns WHERE model = of ORDER BY ordinal
$$;
SELECT * FROM shown('checked');
-- One-sided ranges, of which the other end is learned.
SELECT count(*) FILTER (WHERE i < -1.5) AS i, count(*) FILTER (WHERE j <= 0) AS j, count(*) FILTER (WHERE b < 1 OR b > 99) AS b,
       count(*) FILTER (WHERE h < '2020-01-01') AS h, count(*) FILTER (WHERE m < 0) AS m
FROM tablediffusion_sample('checked', 2000, NULL::checked, seed => 1);

-- Declared by the caller.
CREATE TABLE people AS
SELECT i % 50 + 18 AS age, (ARRAY['f', 'm'])[i % 2 + 1] AS sex, date '2000-01-01' + i % 1000 AS born, i % 2 = 0 AS ok,
       (i % 100 / 10.0)::numeric(4, 1) AS score
FROM generate_series(1, 1000) AS i;
-- What this method pays for is how often each value occurs.
SELECT tablediffusion_train('people', 20, method => 'tablediffusion', options => '{"epochs": 0.1}', domain =>
    '{"age": {"min": 17, "max": 90}, "sex": {"values": ["m", "f", "x"]}, "born": {"min": "1999-12-31"},
      "ok": {"values": [true]}, "score": {"min": 0, "max": "9.9"}}');
SELECT * FROM shown('people');
SELECT min(score) >= 0 AS lo, max(score) <= 9.9 AS hi, bool_and(ok) AS ok, min(born) >= '1999-12-31' AS born
FROM tablediffusion_sample('people', 1000, NULL::people, seed => 1);

-- Declared wrongly.
SELECT tablediffusion_train('people', 1, model => 'm', domain => '[]');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"nobody": {"min": 1}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"age": 5}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"age": {}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"age": {"least": 5}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"age": {"min": 90, "max": 17}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"age": {"min": "old"}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"age": {"values": [1, 2]}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"sex": {"min": "f"}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"sex": {"values": []}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"sex": {"values": ["f", "f"]}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"sex": {"values": ["f", null]}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"born": {"max": "infinity"}}');
SELECT tablediffusion_train('people', 1, model => 'm', domain => '{"sex": {"values": ["f"]}}', exclude => '{sex}');
