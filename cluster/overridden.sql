select s.name || ' comes from ' || coalesce(s.sourcefile, s.source)
from pg_settings s
where s.name = any ($1::text[]) and s.sourcefile is distinct from $3
   or s.name = any ($2::text[]) and s.source not in ('default', 'override', 'environment variable', 'client')
order by s.name
