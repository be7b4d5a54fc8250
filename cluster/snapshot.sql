-- What outlives a database, a line each: its name, and its definition to compare. Nothing here changes by itself.
select 'role ' || a.rolname, a::text from pg_catalog.pg_authid a
union all
select 'membership of ' || m.member::regrole || ' in ' || m.roleid::regrole, '' from pg_catalog.pg_auth_members m
union all
select 'database ' || d.datname, (pg_catalog.to_jsonb(d) - array['oid', 'datfrozenxid', 'datminmxid', 'datlastsysoid', 'datcollversion'])::text
from pg_catalog.pg_database d
union all
select 'settings of ' || case when s.setrole = 0 then 'database ' || d.datname else 'role ' || s.setrole::regrole end, s::text
from pg_catalog.pg_db_role_setting s left join pg_catalog.pg_database d on d.oid = s.setdatabase
union all
select 'tablespace ' || t.spcname, t::text from pg_catalog.pg_tablespace t
union all
select 'replication slot ' || r.slot_name, r.slot_type from pg_catalog.pg_replication_slots r where not r.temporary
union all
select 'prepared transaction ' || p.gid, '' from pg_catalog.pg_prepared_xacts p
union all
select 'subscription ' || s.subname, '' from pg_catalog.pg_subscription s
union all
select 'setting of ALTER SYSTEM ' || f.name, f.setting from pg_catalog.pg_file_settings f
where f.sourcefile like '%/postgresql.auto.conf'
order by 1, 2
