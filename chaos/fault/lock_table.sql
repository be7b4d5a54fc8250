select coalesce((
    select a.pid::pg_catalog.text
    from pg_catalog.pg_stat_activity a
    join pg_catalog.pg_locks l on l.pid = a.pid
    where a.application_name = $1::pg_catalog.text and l.granted and l.locktype = 'relation'
      and l.relation = $2::pg_catalog.text::pg_catalog.regclass and pg_catalog.lower(l.mode) = $3::pg_catalog.text
    limit 1
), '')
