select pg_catalog.count(*)
from pg_catalog.pg_stat_activity a
join rows from (pg_catalog.unnest($1::int[]), pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[])) as c (pid, began, issued)
  on c.pid = a.pid and c.began = a.backend_start::pg_catalog.text and c.issued = a.query_start::pg_catalog.text
where a.state = 'active'
