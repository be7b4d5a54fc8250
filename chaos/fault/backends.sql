with chosen as (
    select a.pid, a.backend_start::pg_catalog.text as began, coalesce(a.query_start::pg_catalog.text, '') as issued
    from pg_catalog.pg_stat_activity a
    where a.backend_type = 'client backend' and a.pid <> pg_catalog.pg_backend_pid()
      and not pg_catalog.starts_with(a.application_name, $1::pg_catalog.text)
      and (pg_catalog.starts_with(a.application_name, $3::pg_catalog.text) or not pg_catalog.starts_with(a.application_name, $2::pg_catalog.text))
      and ($4::pg_catalog.text = '' or a.application_name = $4::pg_catalog.text::pg_catalog.name::pg_catalog.text)
      and ($5::pg_catalog.text = '' or a.usename = $5::pg_catalog.text)
      and ($6::pg_catalog.text = '' or a.state = $6::pg_catalog.text)
      and ($7::pg_catalog.text = '' or a.wait_event = $7::pg_catalog.text)
      and (not $8::boolean or a.state = 'active')
      and (not $10::boolean or pg_catalog.starts_with(a.application_name, $3::pg_catalog.text))
), enough as (
    select pg_catalog.count(*) >= $9::bigint as so from chosen
)
select c.pid, c.began, c.issued, pg_catalog.{function}(c.pid)
from chosen c, enough e
where e.so
