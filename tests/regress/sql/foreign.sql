-- A table of another server, over postgres_fdw.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE EXTENSION postgres_fdw;
CREATE TABLE plain AS SELECT i AS n, (ARRAY['f', 'm'])[i % 2 + 1] AS sex, i % 60 AS age FROM generate_series(1, 2000) AS i;
CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw;
-- Where the server listens differs from run to run.
\set ECHO none
SELECT format('ALTER SERVER here OPTIONS (ADD host %L, ADD port %L, ADD dbname %L)',
              split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database()) \gexec
\set ECHO all
CREATE USER MAPPING FOR CURRENT_USER SERVER here OPTIONS (user 'postgres');
CREATE FOREIGN TABLE remote (sex text, age int) SERVER here OPTIONS (table_name 'plain');
SELECT tablediffusion_train('remote', 20, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT name, source, round(noisy_rows / 400) * 400 AS about, columns FROM tablediffusion.models;
SELECT name, domain, jsonb_array_length("values") AS released FROM tablediffusion.columns WHERE name = 'sex';
