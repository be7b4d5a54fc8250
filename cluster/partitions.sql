-- Partitions of the role's tables in a schema that another role owns, or that lie outside of it. PostgreSQL drops these with their table, also by
-- restrict (pg_depend.deptype 'a').
select pg_catalog.format('%I.%I', n.nspname, p.relname), pg_catalog.format('%I.%I', cn.nspname, c.relname)
from pg_catalog.pg_inherits i
join pg_catalog.pg_class p on p.oid = i.inhparent
join pg_catalog.pg_namespace n on n.oid = p.relnamespace
join pg_catalog.pg_class c on c.oid = i.inhrelid
join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
where p.relkind = 'p' and n.nspname = $1 and pg_catalog.pg_get_userbyid(p.relowner) = current_user
  and (c.relnamespace <> p.relnamespace or c.relowner <> p.relowner)
order by 1, 2
