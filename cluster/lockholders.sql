select distinct 'its process ' || l.pid || coalesce(' of the user ' || a.usename, '') || coalesce(', application ' || nullif(a.application_name, ''), '')
from pg_catalog.pg_locks l
  join pg_catalog.pg_class c on c.oid = l.relation
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = $1
  left join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.granted and l.pid <> pg_catalog.pg_backend_pid()
  and l.database = (select b.oid from pg_catalog.pg_database b where b.datname = pg_catalog.current_database())
order by 1
