select s.name || ' comes from ' || coalesce(s.sourcefile, s.source)
from pg_catalog.pg_settings s
where s.name = any ($1::pg_catalog.text[]) and s.sourcefile is distinct from $3
   or s.name = any ($2::pg_catalog.text[]) and s.source not in ('default', 'override', 'environment variable', 'client')
      and s.sourcefile is distinct from $4
order by s.name
