-- What everybody may see of their own models: released information only, no weights.

CREATE VIEW tablediffusion.models WITH (security_barrier = true) AS
SELECT name, owner, created, source, method, epsilon, delta, neighbours, noisy_rows,
       pg_catalog.jsonb_array_length(columns) AS columns,
       pg_catalog.octet_length(bytes) AS bytes
FROM tablediffusion.models_store
WHERE pg_catalog.pg_has_role(owner::pg_catalog.oid, 'USAGE');
REVOKE ALL ON tablediffusion.models FROM PUBLIC;
GRANT SELECT ON tablediffusion.models TO PUBLIC;
COMMENT ON VIEW tablediffusion.models IS 'models that the current role may use';
COMMENT ON COLUMN tablediffusion.models.name IS 'name of the model';
COMMENT ON COLUMN tablediffusion.models.owner IS 'role that trained the model and may sample and drop it';
COMMENT ON COLUMN tablediffusion.models.created IS 'start of the transaction that trained the model';
COMMENT ON COLUMN tablediffusion.models.source IS 'qualified name of the source when the model was trained';
COMMENT ON COLUMN tablediffusion.models.method IS 'method that the model was trained by';
COMMENT ON COLUMN tablediffusion.models.epsilon IS 'privacy loss that the training is bounded by';
COMMENT ON COLUMN tablediffusion.models.delta IS 'probability with which that bound may fail';
COMMENT ON COLUMN tablediffusion.models.neighbours IS 'how the tables differ between which the bound holds';
COMMENT ON COLUMN tablediffusion.models.noisy_rows IS 'noisy count of the rows that were used';
COMMENT ON COLUMN tablediffusion.models.columns IS 'number of columns of a synthetic row';
COMMENT ON COLUMN tablediffusion.models.bytes IS 'size of the model';

CREATE VIEW tablediffusion.columns WITH (security_barrier = true) AS
SELECT m.name AS model, c.ordinal, c.name, c.type, c.nullable, c.domain, c.kind, c.codes, c."values", c.other_share,
       c.null_share, c.domain_share
FROM tablediffusion.models_store AS m,
     pg_catalog.jsonb_to_recordset(m.columns) AS c (
         ordinal int, name text, type text, nullable boolean, domain text, kind text, codes int, "values" jsonb,
         other_share float8, null_share float8, domain_share float8)
WHERE pg_catalog.pg_has_role(m.owner::pg_catalog.oid, 'USAGE');
REVOKE ALL ON tablediffusion.columns FROM PUBLIC;
GRANT SELECT ON tablediffusion.columns TO PUBLIC;
COMMENT ON VIEW tablediffusion.columns IS 'what was released about each column of the models that the current role may use';
COMMENT ON COLUMN tablediffusion.columns.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.columns.ordinal IS 'position in the source';
COMMENT ON COLUMN tablediffusion.columns.name IS 'name of the column';
COMMENT ON COLUMN tablediffusion.columns.type IS 'type of the column';
COMMENT ON COLUMN tablediffusion.columns.nullable IS 'whether NULL may occur';
COMMENT ON COLUMN tablediffusion.columns.domain IS 'declared (free of charge), learned (paid for) or generated (never learned)';
COMMENT ON COLUMN tablediffusion.columns.kind IS 'categories or bins';
COMMENT ON COLUMN tablediffusion.columns.codes IS 'number of different codes, with those for other values and NULL';
COMMENT ON COLUMN tablediffusion.columns."values" IS 'the categories or bins and their noisy shares of the rows';
COMMENT ON COLUMN tablediffusion.columns.other_share IS 'noisy share of values outside the categories; NULL if there is no code for them';
COMMENT ON COLUMN tablediffusion.columns.null_share IS 'noisy share of NULL; NULL if there is no code for it';
COMMENT ON COLUMN tablediffusion.columns.domain_share IS 'share of what the stage "domains" cost';

CREATE VIEW tablediffusion.ledger WITH (security_barrier = true) AS
SELECT id, at, model, role_name AS role, source, method, epsilon, delta, neighbours, privacy_unit, rows_per_unit, stages
FROM tablediffusion.ledger_store
WHERE pg_catalog.pg_has_role(role::pg_catalog.oid, 'USAGE');
REVOKE ALL ON tablediffusion.ledger FROM PUBLIC;
GRANT SELECT ON tablediffusion.ledger TO PUBLIC;
COMMENT ON VIEW tablediffusion.ledger IS 'committed trainings of the current role and what they spent';
COMMENT ON COLUMN tablediffusion.ledger.id IS 'number of the entry';
COMMENT ON COLUMN tablediffusion.ledger.at IS 'start of the transaction that trained the model';
COMMENT ON COLUMN tablediffusion.ledger.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.ledger.role IS 'role that trained it, by its name then';
COMMENT ON COLUMN tablediffusion.ledger.source IS 'qualified name of the source then';
COMMENT ON COLUMN tablediffusion.ledger.method IS 'method of the training';
COMMENT ON COLUMN tablediffusion.ledger.epsilon IS 'privacy loss spent';
COMMENT ON COLUMN tablediffusion.ledger.delta IS 'probability with which that bound may fail';
COMMENT ON COLUMN tablediffusion.ledger.neighbours IS 'how the tables differ between which the bound holds';
COMMENT ON COLUMN tablediffusion.ledger.privacy_unit IS 'column whose values are the units that are protected; NULL if these are rows';
COMMENT ON COLUMN tablediffusion.ledger.rows_per_unit IS 'rows of a unit that were used at most; NULL if the units are rows';
COMMENT ON COLUMN tablediffusion.ledger.stages IS 'the mechanisms used, by phase, as the accountant takes them';
