select pg_catalog.count(*) filter (where pg_catalog.pg_terminate_backend(a.pid))
from pg_catalog.pg_stat_activity a
where a.backend_type = 'client backend' and a.pid <> pg_catalog.pg_backend_pid()
  and pg_catalog.left(a.application_name, pg_catalog.length($1::pg_catalog.text)) = $1::pg_catalog.text
