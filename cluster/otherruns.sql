-- Other runs of pgchaos: those with a schema in this database, whose comment has the run's id, and those that only have sessions, in another one.
with session as (
  select pg_catalog.split_part(a.application_name, '/', 2) as tail, a.datname::pg_catalog.text as datname
  from pg_catalog.pg_stat_activity a
  where a.application_name like $2::pg_catalog.text || '%/%' and a.application_name not like '%/clean' -- which ends a run
), left_behind as (
  select n.nspname::pg_catalog.text as schema, pg_catalog.substr(c.said, pg_catalog.length($3::pg_catalog.text) + 1) as run
  from pg_catalog.pg_namespace n, pg_catalog.obj_description(n.oid, 'pg_namespace') c(said)
  where n.nspname like 'pgchaos\_%' and pg_catalog.starts_with(c.said, $3::pg_catalog.text)
)
select l.run, l.schema, pg_catalog.current_database()::pg_catalog.text,
       (select pg_catalog.count(*) from session s where s.tail = pg_catalog.right(l.run, $4::pg_catalog.int4) and s.datname = pg_catalog.current_database())
from left_behind l
where l.run <> $1::pg_catalog.text
union all
select s.tail, '', s.datname, pg_catalog.count(*)
from session s
where s.datname <> pg_catalog.current_database()
group by s.tail, s.datname
order by 1, 2, 3
