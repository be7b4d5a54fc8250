select pg_catalog.pg_terminate_backend(a.pid)
from pg_catalog.pg_stat_activity a
where pg_catalog.starts_with(a.application_name, $1) and a.usename = current_user and a.pid <> pg_catalog.pg_backend_pid()
