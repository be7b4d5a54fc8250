select coalesce(w.sender_host, ''), coalesce(w.sender_port, 0)
from pg_stat_wal_receiver w
where w.status = 'streaming'
