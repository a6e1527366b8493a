-- A table of 1,000,000 rows and 15 columns of mixed kinds, some with NULLs, the same each time.
SELECT setseed(0.5) \g /dev/null
CREATE TABLE wide AS
SELECT
    (random() * 100)::int::smallint                                AS small,
    (random() * random() * 1e6)::int                               AS whole,
    (random() * 1e12)::bigint                                      AS large,
    random() * random()                                            AS real_number,
    (random() * 40 - 10)::real                                     AS temperature,
    (random() * 1e5)::numeric(10, 2)                               AS amount,
    CASE WHEN random() < 0.9 THEN 0 ELSE (random() * 5e4)::int END AS spike,
    random() < 0.3                                                 AS flag,
    (ARRAY['red', 'green', 'blue'])[1 + floor(random() * 3)]       AS colour,
    'city ' || floor(random() * random() * 500)                    AS city,
    CASE WHEN random() < 0.8 THEN 'code ' || floor(random() * 40) END AS code,
    ('name ' || floor(random() * 5000))::varchar(20)               AS name,
    date '2000-01-01' + (random() * 9000)::int                     AS day,
    timestamptz '2020-01-01 00:00Z' + random() * interval '5 years' AS moment,
    CASE WHEN random() < 0.5 THEN (random() * 10)::int END         AS maybe
FROM generate_series(1, 1000000);
ANALYZE wide;
