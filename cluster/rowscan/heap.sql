select pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint,
       coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)::bigint,
       pg_catalog.current_setting('server_version_num')::int
from pg_catalog.pg_class c
where c.oid = $1::pg_catalog.text::pg_catalog.regclass
