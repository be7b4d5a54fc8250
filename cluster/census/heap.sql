select pg_relation_size(c.oid) / current_setting('block_size')::bigint,
       coalesce(pg_relation_filenode(c.oid), 0)::bigint,
       current_setting('server_version_num')::int
from pg_class c
where c.oid = $1::text::regclass
