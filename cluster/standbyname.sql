select (select w.conninfo from pg_catalog.pg_stat_wal_receiver w), pg_catalog.current_setting('cluster_name', true)
