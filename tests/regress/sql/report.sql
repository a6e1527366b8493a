-- A page about a model.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TABLE source (id serial PRIMARY KEY, "<b>bold</b> & ""odd""" text, size int, moment timestamp, ok boolean);
INSERT INTO source ("<b>bold</b> & ""odd""", size, moment, ok)
SELECT (ARRAY['<script>alert(1)</script>', 'b''c"d', NULL])[i % 3 + 1], i % 97, timestamp '2024-01-01' + i % 50 * interval '1 day', i % 2 = 0
FROM generate_series(1, 6000) AS i;
SELECT tablediffusion_train('source', 20, model => 'a <i>model</i>');
CREATE TABLE pages AS SELECT tablediffusion_report('a <i>model</i>') AS page;
INSERT INTO pages SELECT tablediffusion_report('a <i>model</i>', 'source');
-- Whole, by itself, and made of nothing but text.
SELECT page ~ '^<!DOCTYPE html>.*</html>\n$' AS whole, page ~* '<(script|link|img|iframe|object)|@import|url\(|javascript:' AS loads,
       replace(page, 'http://www.w3.org/2000/svg', '') ~ 'https?:' AS links, page ~ '<b>|<i>' AS unescaped,
       page LIKE '%&lt;b&gt;bold&lt;/b&gt; &amp; &quot;odd&quot;%' AS escaped, page LIKE '%a &lt;i&gt;model&lt;/i&gt;%' AS name,
       (length(page) - length(replace(page, '<svg', ''))) / 4 AS charts,
       page LIKE '%Not differentially private, for the owner only%' AS warning, page LIKE '%only released information%' AS publishable
FROM pages;
-- It says what is guaranteed, and is the same each time.
SELECT page LIKE '%To cite%20%1e-6%add or remove one row%' AS guarantee, page LIKE '%<td>joint counts</td>%' AS stages FROM pages;
SELECT tablediffusion_report('a <i>model</i>') = page AS same FROM pages LIMIT 1;
RESET client_min_messages;
SELECT length(tablediffusion_report('a <i>model</i>', 'source')) > 10000 AS long;
SELECT tablediffusion_report('nothing');
CREATE TABLE other (size int);
SELECT tablediffusion_report('a <i>model</i>', 'other');
-- Who may sample the model may have the page, but not of rows that they may not read.
CREATE ROLE td_visitor;
SET ROLE td_visitor;
SELECT tablediffusion_report('a <i>model</i>');
RESET ROLE;
SELECT tablediffusion_grant('a <i>model</i>', 'td_visitor');
SET ROLE td_visitor;
SELECT length(tablediffusion_report('a <i>model</i>')) > 10000 AS long;
SELECT tablediffusion_report('a <i>model</i>', 'source');
RESET ROLE;
DROP OWNED BY td_visitor;
DROP ROLE td_visitor;
