select a.pid
from pg_catalog.pg_stat_activity a left join pg_catalog.pg_stat_replication r on r.pid = a.pid
where a.backend_type = $1
  and ($2 = '' or r.application_name = $2)
  -- Of client backends one, of the load; rather one that is at work. The sessions of pgchaos itself are the superuser's.
  and ($3 = '' or a.usename = $3)
order by a.state = 'active' desc nulls last, a.pid
limit case when $3 = '' then 1000 else 1 end
