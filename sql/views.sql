-- Views of models for the roles that own or may sample them: only released information, no weights.

-- For the other views only: it contains the weights of the models.
CREATE VIEW tablediffusion.models_usable AS
SELECT m.*
FROM tablediffusion.models_store AS m
WHERE pg_catalog.pg_has_role(m.owner::pg_catalog.oid, 'USAGE')
   OR EXISTS (
       SELECT FROM tablediffusion.grants_store AS g
       WHERE g.model OPERATOR(pg_catalog.=) m.name
         AND (g.grantee::pg_catalog.oid OPERATOR(pg_catalog.=) 0
              OR pg_catalog.pg_has_role(g.grantee::pg_catalog.oid, 'USAGE')));
REVOKE ALL ON tablediffusion.models_usable FROM PUBLIC;
COMMENT ON VIEW tablediffusion.models_usable IS 'models that the current role owns or may sample, weights included';

CREATE VIEW tablediffusion.models WITH (security_barrier = true) AS
SELECT name, owner, created, source, method, epsilon, delta, neighbours, noisy_rows,
       pg_catalog.jsonb_array_length(columns) AS columns,
       pg_catalog.octet_length(bytes) AS bytes
FROM tablediffusion.models_usable;
REVOKE ALL ON tablediffusion.models FROM PUBLIC;
GRANT SELECT ON tablediffusion.models TO PUBLIC;
COMMENT ON VIEW tablediffusion.models IS 'models that the current role may use';
COMMENT ON COLUMN tablediffusion.models.name IS 'name of the model';
COMMENT ON COLUMN tablediffusion.models.owner IS 'role that trained the model and may sample and drop it';
COMMENT ON COLUMN tablediffusion.models.created IS 'start of the transaction that trained the model';
COMMENT ON COLUMN tablediffusion.models.source IS 'qualified name of the source when the model was trained';
COMMENT ON COLUMN tablediffusion.models.method IS 'method that the model was trained with';
COMMENT ON COLUMN tablediffusion.models.epsilon IS 'upper bound on the privacy loss of the training';
COMMENT ON COLUMN tablediffusion.models.delta IS 'probability with which this bound may fail';
COMMENT ON COLUMN tablediffusion.models.neighbours IS 'how neighbouring tables differ';
COMMENT ON COLUMN tablediffusion.models.noisy_rows IS 'noisy count of the rows that were used';
COMMENT ON COLUMN tablediffusion.models.columns IS 'number of columns of a synthetic row';
COMMENT ON COLUMN tablediffusion.models.bytes IS 'size of the model';

CREATE VIEW tablediffusion.columns WITH (security_barrier = true) AS
SELECT m.name AS model, c.ordinal, c.name, c.type, c.nullable, c.domain, c.kind, c.codes, c."values", c.other_share,
       c.null_share, c.domain_share, c.expression
FROM tablediffusion.models_usable AS m,
     pg_catalog.jsonb_to_recordset(m.columns) AS c (
         ordinal int, name pg_catalog.text, type pg_catalog.text, nullable boolean, domain pg_catalog.text,
         kind pg_catalog.text, codes int, "values" pg_catalog.jsonb, other_share pg_catalog.float8, null_share pg_catalog.float8, domain_share pg_catalog.float8,
         expression pg_catalog.text);
REVOKE ALL ON tablediffusion.columns FROM PUBLIC;
GRANT SELECT ON tablediffusion.columns TO PUBLIC;
COMMENT ON VIEW tablediffusion.columns IS 'what was released about each column of the models that the current role may use';
COMMENT ON COLUMN tablediffusion.columns.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.columns.ordinal IS 'position in the source';
COMMENT ON COLUMN tablediffusion.columns.name IS 'name of the column';
COMMENT ON COLUMN tablediffusion.columns.type IS 'type of the column';
COMMENT ON COLUMN tablediffusion.columns.nullable IS 'whether NULL may occur';
COMMENT ON COLUMN tablediffusion.columns.domain IS 'declared (free of charge), learned (paid for), generated (never learned) or computed (from other columns)';
COMMENT ON COLUMN tablediffusion.columns.kind IS 'categories or bins';
COMMENT ON COLUMN tablediffusion.columns.codes IS 'number of codes, including those for other values and NULL';
COMMENT ON COLUMN tablediffusion.columns."values" IS 'the categories or bins and their noisy shares of the rows';
COMMENT ON COLUMN tablediffusion.columns.other_share IS 'noisy share of values outside the categories; NULL if there is no code for them';
COMMENT ON COLUMN tablediffusion.columns.null_share IS 'noisy share of NULL; NULL if there is no code for it';
COMMENT ON COLUMN tablediffusion.columns.domain_share IS 'share of the cost of the stage "domains"';
COMMENT ON COLUMN tablediffusion.columns.expression IS 'SQL expression of a computed column';

-- For the other views: the current relation of each budget, and what was charged to it. A charge follows a relation
-- through renames. After a drop it follows the name, but only to relations of the same owner, because anybody may take a
-- free name. After a restore only names are known.
CREATE VIEW tablediffusion.budgets_spent AS
SELECT b.id, b.relation, b.origin, b.name, b.epsilon, b.delta, b.role, b.at, f.owner AS set_for,
       c.oid AS current_relation, c.relowner AS owner, c.name AS current_name, s.trainings, s.precision_sum,
       s.excess_delta, s.claimed_epsilon, s.claimed_delta
FROM tablediffusion.budgets_store AS b
CROSS JOIN (SELECT (SELECT id FROM tablediffusion.origin_store) AS id) AS o
CROSS JOIN LATERAL (SELECT coalesce(b.owner, b.role::pg_catalog.oid) AS owner, pg_catalog.parse_ident(b.name) AS name) AS f
LEFT JOIN LATERAL (
    SELECT r.oid, r.relowner,
           pg_catalog.quote_ident(n.nspname) OPERATOR(pg_catalog.||) '.'
               OPERATOR(pg_catalog.||) pg_catalog.quote_ident(r.relname) AS name
    FROM pg_catalog.pg_class AS r JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) r.relnamespace
    WHERE r.oid OPERATOR(pg_catalog.=) coalesce(
        (SELECT own.oid FROM pg_catalog.pg_class AS own
         WHERE own.oid OPERATOR(pg_catalog.=) b.relation AND b.origin OPERATOR(pg_catalog.=) o.id),
        (SELECT named.oid
         FROM pg_catalog.pg_class AS named
         JOIN pg_catalog.pg_namespace AS m ON m.oid OPERATOR(pg_catalog.=) named.relnamespace
         WHERE m.nspname OPERATOR(pg_catalog.=) (f.name)[1]::pg_catalog.name
           AND named.relname OPERATOR(pg_catalog.=) (f.name)[2]::pg_catalog.name
           AND (b.origin OPERATOR(pg_catalog.<>) o.id OR named.relowner OPERATOR(pg_catalog.=) f.owner)))
) AS c ON true
CROSS JOIN LATERAL (
    -- In order, so that the sums are the same to the last bit wherever the entries are restored.
    SELECT pg_catalog.count(*) AS trainings,
           coalesce(pg_catalog.sum(coalesce(e.gaussian_noise_multiplier, l.gaussian_noise_multiplier)
               OPERATOR(pg_catalog.^) -2 ORDER BY l.id), 0) AS precision_sum,
           coalesce(pg_catalog.sum(coalesce(e.excess_delta, l.excess_delta) ORDER BY l.id), 0) AS excess_delta,
           coalesce(pg_catalog.sum(l.epsilon ORDER BY l.id), 0) AS claimed_epsilon,
           coalesce(pg_catalog.sum(l.delta ORDER BY l.id), 0) AS claimed_delta
    FROM tablediffusion.ledger_store AS l
    LEFT JOIN tablediffusion.outcomes_store AS e ON e.entry OPERATOR(pg_catalog.=) l.id
    WHERE EXISTS (
        SELECT FROM tablediffusion.charges_store AS h
        WHERE h.entry OPERATOR(pg_catalog.=) l.id AND h.counts
          AND (h.relation OPERATOR(pg_catalog.=) b.relation AND h.origin OPERATOR(pg_catalog.=) b.origin
               OR h.relation OPERATOR(pg_catalog.=) c.oid AND h.origin OPERATOR(pg_catalog.=) o.id
               OR (h.name OPERATOR(pg_catalog.=) b.name OR h.name OPERATOR(pg_catalog.=) c.name)
                  AND (h.origin OPERATOR(pg_catalog.<>) o.id OR h.owner IS NULL
                       OR h.owner OPERATOR(pg_catalog.=) coalesce(c.relowner, f.owner))))
) AS s;
REVOKE ALL ON tablediffusion.budgets_spent FROM PUBLIC;
COMMENT ON VIEW tablediffusion.budgets_spent IS 'all budgets and what was spent';

CREATE VIEW tablediffusion.budgets WITH (security_barrier = true) AS
SELECT coalesce(current_name, name) AS source, epsilon, delta, trainings,
       -- One training costs what it claims. Several are composed as Gaussian mechanisms.
       CASE WHEN trainings OPERATOR(pg_catalog.=) 1 AND claimed_delta OPERATOR(pg_catalog.<=) delta
            THEN least(claimed_epsilon, @extschema@.tablediffusion_spent_epsilon(precision_sum, excess_delta, delta))
            ELSE @extschema@.tablediffusion_spent_epsilon(precision_sum, excess_delta, delta) END AS spent_epsilon,
       CASE WHEN trainings OPERATOR(pg_catalog.=) 0 THEN epsilon
            ELSE @extschema@.tablediffusion_remaining_epsilon(epsilon, precision_sum, excess_delta, delta)
       END AS remaining_epsilon,
       role, at
FROM tablediffusion.budgets_spent
WHERE pg_catalog.pg_has_role(coalesce(owner, role::pg_catalog.oid), 'USAGE')
   OR pg_catalog.has_any_column_privilege(current_relation, 'SELECT');
REVOKE ALL ON tablediffusion.budgets FROM PUBLIC;
GRANT SELECT ON tablediffusion.budgets TO PUBLIC;
COMMENT ON VIEW tablediffusion.budgets IS 'budgets of the relations that the current role may read, and what trainings have spent';
COMMENT ON COLUMN tablediffusion.budgets.source IS 'qualified name of the relation, the current one if it still exists';
COMMENT ON COLUMN tablediffusion.budgets.epsilon IS 'maximum total privacy loss of all trainings';
COMMENT ON COLUMN tablediffusion.budgets.delta IS 'delta at which this maximum holds';
COMMENT ON COLUMN tablediffusion.budgets.trainings IS 'number of trainings that are charged';
COMMENT ON COLUMN tablediffusion.budgets.spent_epsilon IS 'total privacy loss of these trainings at that delta';
COMMENT ON COLUMN tablediffusion.budgets.remaining_epsilon IS 'approximate epsilon of one more training that would use up the budget';
COMMENT ON COLUMN tablediffusion.budgets.role IS 'role that set the budget';
COMMENT ON COLUMN tablediffusion.budgets.at IS 'when it was set';

CREATE VIEW tablediffusion.grants WITH (security_barrier = true) AS
SELECT g.model,
       CASE WHEN g.grantee::pg_catalog.oid OPERATOR(pg_catalog.=) 0 THEN 'public'
            ELSE g.grantee::pg_catalog.text END AS grantee,
       g.grantor, g.at
FROM tablediffusion.grants_store AS g
JOIN tablediffusion.models_usable AS m ON m.name OPERATOR(pg_catalog.=) g.model;
REVOKE ALL ON tablediffusion.grants FROM PUBLIC;
GRANT SELECT ON tablediffusion.grants TO PUBLIC;
COMMENT ON VIEW tablediffusion.grants IS 'who may sample the models that the current role may use';
COMMENT ON COLUMN tablediffusion.grants.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.grants.grantee IS 'role that may sample it besides its owner';
COMMENT ON COLUMN tablediffusion.grants.grantor IS 'role that granted it';
COMMENT ON COLUMN tablediffusion.grants.at IS 'when it was granted';

-- A training without a recorded outcome is still running or was rolled back, possibly by a crash. Entries of version 0.2.0
-- and before were committed together with their models. Transaction numbers are valid only in the database of origin.
CREATE VIEW tablediffusion.ledger WITH (security_barrier = true) AS
SELECT l.id, l.at, l.model, l.role_name AS role, l.source, l.method, l.epsilon, l.delta, l.neighbours, l.privacy_unit,
       l.rows_per_unit, l.row_security, coalesce(e.stages, l.stages) AS stages, c.charged,
       coalesce(e.gaussian_noise_multiplier, l.gaussian_noise_multiplier) AS gaussian_noise_multiplier,
       coalesce(e.excess_delta, l.excess_delta) AS excess_delta,
       CASE WHEN e.outcome IS NOT NULL THEN e.outcome
            WHEN l.transaction IS NULL THEN 'model made'
            WHEN l.origin OPERATOR(pg_catalog.<>) o.id
                 OR l.transaction OPERATOR(pg_catalog.>=) pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())
            THEN 'rolled back'
            WHEN pg_catalog.pg_xact_status(l.transaction) OPERATOR(pg_catalog.=) 'in progress' THEN 'running'
            ELSE 'rolled back' END AS outcome,
       l.source_rows_only
FROM tablediffusion.ledger_store AS l
CROSS JOIN (SELECT (SELECT id FROM tablediffusion.origin_store) AS id) AS o
LEFT JOIN tablediffusion.outcomes_store AS e ON e.entry OPERATOR(pg_catalog.=) l.id
CROSS JOIN LATERAL (
    SELECT pg_catalog.array_agg(h.name ORDER BY h.name) FILTER (WHERE h.counts) AS charged,
           pg_catalog.bool_or(EXISTS (
               SELECT FROM pg_catalog.pg_class AS r
               WHERE r.oid OPERATOR(pg_catalog.=) h.relation AND h.origin OPERATOR(pg_catalog.=) o.id
                 AND pg_catalog.pg_has_role(r.relowner, 'USAGE')
               UNION ALL
               SELECT
               FROM pg_catalog.pg_class AS r
               JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) r.relnamespace
               WHERE n.nspname OPERATOR(pg_catalog.=) (pg_catalog.parse_ident(h.name))[1]::pg_catalog.name
                 AND r.relname OPERATOR(pg_catalog.=) (pg_catalog.parse_ident(h.name))[2]::pg_catalog.name
                 AND (h.origin OPERATOR(pg_catalog.<>) o.id OR r.relowner OPERATOR(pg_catalog.=) h.owner)
                 AND pg_catalog.pg_has_role(r.relowner, 'USAGE'))) AS owned
    FROM tablediffusion.charges_store AS h
    WHERE h.entry OPERATOR(pg_catalog.=) l.id
) AS c
WHERE pg_catalog.pg_has_role(l.role::pg_catalog.oid, 'USAGE') OR c.owned;
REVOKE ALL ON tablediffusion.ledger FROM PUBLIC;
GRANT SELECT ON tablediffusion.ledger TO PUBLIC;
COMMENT ON VIEW tablediffusion.ledger IS 'trainings by the current role or on its relations, with their cost and outcome';
COMMENT ON COLUMN tablediffusion.ledger.id IS 'number of the entry';
COMMENT ON COLUMN tablediffusion.ledger.at IS 'when the training was admitted';
COMMENT ON COLUMN tablediffusion.ledger.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.ledger.role IS 'name of the role that trained it';
COMMENT ON COLUMN tablediffusion.ledger.source IS 'qualified name of the source at that time';
COMMENT ON COLUMN tablediffusion.ledger.method IS 'method of the training';
COMMENT ON COLUMN tablediffusion.ledger.epsilon IS 'upper bound on the privacy loss of the training';
COMMENT ON COLUMN tablediffusion.ledger.delta IS 'probability with which this bound may fail';
COMMENT ON COLUMN tablediffusion.ledger.neighbours IS 'how neighbouring tables differ';
COMMENT ON COLUMN tablediffusion.ledger.privacy_unit IS 'column whose values identify the protected units; NULL if rows are protected';
COMMENT ON COLUMN tablediffusion.ledger.rows_per_unit IS 'maximum number of rows used per unit; NULL if rows are protected';
COMMENT ON COLUMN tablediffusion.ledger.row_security IS 'whether row security applied to the role';
COMMENT ON COLUMN tablediffusion.ledger.stages IS 'mechanisms used, by phase, as the accountant reads them; empty unless a model was made';
COMMENT ON COLUMN tablediffusion.ledger.charged IS 'relations that the training is charged to: those that it read, also through views and inheritance, and their parents';
COMMENT ON COLUMN tablediffusion.ledger.gaussian_noise_multiplier IS 'noise multiplier of a Gaussian mechanism that costs at least as much as the training';
COMMENT ON COLUMN tablediffusion.ledger.excess_delta IS 'delta in addition to that of this mechanism';
COMMENT ON COLUMN tablediffusion.ledger.outcome IS 'running, model made, failed, cancelled or rolled back; all of them are charged';
COMMENT ON COLUMN tablediffusion.ledger.source_rows_only IS 'whether the guarantee is about rows of the source but not about rows of the relations behind it';

-- The estimate extrapolates the speed of the phase so far.
CREATE VIEW tablediffusion.progress AS
SELECT p.pid, d.datname AS database, pg_catalog.pg_get_userbyid(p.role) AS role,
       CASE WHEN d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
            THEN p.source::pg_catalog.regclass::pg_catalog.text END AS source,
       p.model, p.method, p.phase, p.phases_done, p.phases, p.percent, p.started,
       CASE WHEN p.percent OPERATOR(pg_catalog.>) 0
            THEN (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) p.phase_started)
                 OPERATOR(pg_catalog.*) ((100.0 OPERATOR(pg_catalog.-) p.percent) OPERATOR(pg_catalog./) p.percent)
       END AS remaining
FROM @extschema@.tablediffusion_progress() AS p
LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) p.database;
REVOKE ALL ON tablediffusion.progress FROM PUBLIC;
GRANT SELECT ON tablediffusion.progress TO PUBLIC;
COMMENT ON VIEW tablediffusion.progress IS 'trainings in progress, of roles whose privileges the current role has';
COMMENT ON COLUMN tablediffusion.progress.pid IS 'process that trains; pg_cancel_backend(pid) ends the training';
COMMENT ON COLUMN tablediffusion.progress.database IS 'database of the source';
COMMENT ON COLUMN tablediffusion.progress.role IS 'role that trains';
COMMENT ON COLUMN tablediffusion.progress.source IS 'the source, if it is in this database';
COMMENT ON COLUMN tablediffusion.progress.model IS 'first 96 bytes of the name of the model';
COMMENT ON COLUMN tablediffusion.progress.method IS 'method of the training';
COMMENT ON COLUMN tablediffusion.progress.phase IS 'current phase';
COMMENT ON COLUMN tablediffusion.progress.phases_done IS 'number of completed phases';
COMMENT ON COLUMN tablediffusion.progress.phases IS 'total number of phases';
COMMENT ON COLUMN tablediffusion.progress.percent IS 'completed percentage of the phase; NULL if unknown';
COMMENT ON COLUMN tablediffusion.progress.started IS 'when the training started';
COMMENT ON COLUMN tablediffusion.progress.remaining IS 'expected time until the phase ends';
