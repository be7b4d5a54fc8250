-- What a schema holds of the role's own, as DROP names it. What depends on nothing but the schema has its owner in pg_shdepend, except the
-- bootstrap superuser, whose oid is 10 and who is pinned.
select i.type, i.identity
from pg_catalog.pg_depend d, pg_catalog.pg_identify_object(d.classid, d.objid, 0) i
where d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and d.deptype = 'n'
  and d.refobjid = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1)
  and (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user) = coalesce(
      (select s.refobjid from pg_catalog.pg_shdepend s
       where s.classid = d.classid and s.objid = d.objid and s.deptype = 'o' and s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
         and s.dbid = (select b.oid from pg_catalog.pg_database b where b.datname = pg_catalog.current_database())), 10)
order by i.identity
