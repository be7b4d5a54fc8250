select coalesce(w.sender_host, ''), coalesce(w.sender_port, 0)
from pg_catalog.pg_stat_wal_receiver w
where w.status = 'streaming'
