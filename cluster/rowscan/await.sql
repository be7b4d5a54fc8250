select pg_catalog.pg_is_in_recovery(),
       exists (select from pg_catalog.pg_stat_wal_receiver w where w.status = 'streaming'),
       case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_is_wal_replay_paused() else false end,
       case when pg_catalog.pg_is_in_recovery()
            then {timeline of a standby}
            else {timeline at pg_catalog.pg_current_wal_lsn()}
       end,
       coalesce(case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end, '0/0')::pg_catalog.text
