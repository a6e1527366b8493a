-- How close the marginals of adult_synthetic are to those of adult: the total variation distance of each column,
-- half the sum over cells of |real share - synthetic share|; 0 is the same distribution, 1 is nothing in common.
-- A cell is a value, or for numbers one of up to 20 bins between fixed quantiles of the real column; a number that
-- alone holds more than a twentieth of the real rows, such as the many zeros of capital_gain, has a cell of its own.
\pset footer off

CREATE TEMP TABLE long AS
SELECT true AS is_real, key AS name, value FROM adult, jsonb_each_text(to_jsonb(adult))
UNION ALL
SELECT false, key, value FROM adult_synthetic, jsonb_each_text(to_jsonb(adult_synthetic));

CREATE TEMP TABLE bins AS
WITH numbers AS (
    SELECT name, value::float8 AS x FROM long
    WHERE is_real AND name IN (
        SELECT attname FROM pg_attribute WHERE attrelid = 'adult'::regclass AND atttypid = 'int'::regtype)
)
SELECT name,
    (SELECT array_agg(DISTINCT q ORDER BY q)
     FROM unnest(percentile_disc(ARRAY(SELECT i / 20.0 FROM generate_series(1, 19) i)) WITHIN GROUP (ORDER BY x)) q) AS edges,
    ARRAY(SELECT n.x FROM numbers n WHERE n.name = numbers.name GROUP BY n.x
          HAVING count(*) > (SELECT count(*) FROM adult) / 20.0) AS spikes
FROM numbers GROUP BY name;

CREATE TEMP TABLE closeness AS
WITH cells AS (
    SELECT is_real, name, edges IS NOT NULL AS is_number,
        CASE WHEN edges IS NULL OR value IS NULL THEN value
             WHEN value::float8 = ANY (spikes) THEN '= ' || value
             ELSE width_bucket(value::float8, edges)::text END AS cell
    FROM long LEFT JOIN bins USING (name)
), counts AS (
    SELECT name, is_number, cell,
        count(*) FILTER (WHERE is_real) AS real, count(*) FILTER (WHERE NOT is_real) AS synthetic
    FROM cells GROUP BY name, is_number, cell
)
SELECT name, is_number, count(*) AS cells,
    sum(abs(real::float8 / (SELECT count(*) FROM adult)
        - synthetic::float8 / (SELECT count(*) FROM adult_synthetic))) / 2 AS distance
FROM counts GROUP BY name, is_number;

SELECT name AS "column", CASE WHEN is_number THEN 'number' ELSE 'category' END AS kind, cells,
    round(distance::numeric, 4) AS "total variation distance"
FROM closeness
UNION ALL
SELECT 'mean of all', '', NULL, round(avg(distance)::numeric, 4) FROM closeness
ORDER BY 2 DESC, 1;
