-- Ten real rows, then ten synthetic ones; some columns, so that a line fits a screen.
\pset footer off
SELECT source, age, workclass, education, occupation, hours_per_week AS hours, capital_gain AS gain, salary
FROM (
    (SELECT 'real' AS source, * FROM adult ORDER BY random() LIMIT 10)
    UNION ALL
    (SELECT 'synthetic', * FROM adult_synthetic LIMIT 10)
) AS both_tables;
