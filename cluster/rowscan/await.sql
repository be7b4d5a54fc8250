select pg_catalog.pg_is_in_recovery(),
       exists (select from pg_catalog.pg_stat_wal_receiver w where w.status = 'streaming'),
       case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_is_wal_replay_paused() else false end,
       case when pg_catalog.pg_is_in_recovery()
            then coalesce((select w.received_tli from pg_catalog.pg_stat_wal_receiver w)::bigint,
                          -- Without a receiver: what it wrote last. pg_control lags here
                          -- until a page or a restart point has been flushed.
                          (select pg_catalog.max(('x' || pg_catalog.substr(f.name, 1, 8))::bit(32)::bigint)
                           from pg_catalog.pg_ls_waldir() f where f.name ~ '^[0-9A-F]{24}$'),
                          (select c.timeline_id from pg_catalog.pg_control_checkpoint() c)::bigint)
            else ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
       end,
       coalesce(case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end, '0/0')::pg_catalog.text
