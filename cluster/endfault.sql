select pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid))
from pg_catalog.pg_stat_activity a
where a.application_name = $1::pg_catalog.text and a.pid <> pg_catalog.pg_backend_pid()
