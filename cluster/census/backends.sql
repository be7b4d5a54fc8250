select count(*)
from pg_stat_activity a
where a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
  and left(a.application_name, length($1::text)) = $1::text
