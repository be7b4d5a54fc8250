select coalesce((
    select a.backend_xmin::pg_catalog.text
    from pg_catalog.pg_stat_activity a
    where a.application_name = $1::pg_catalog.text and a.state = 'idle in transaction' and a.xact_start is not null
), '')
