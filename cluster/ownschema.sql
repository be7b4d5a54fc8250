select pg_catalog.obj_description(n.oid, 'pg_namespace'), pg_catalog.pg_get_userbyid(n.nspowner) = current_user
from pg_catalog.pg_namespace n
where n.nspname = $1
