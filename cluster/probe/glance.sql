select pg_catalog.pg_is_in_recovery(),
       case when pg_catalog.pg_is_in_recovery()
            then (select w.received_tli from pg_catalog.pg_stat_wal_receiver w)::bigint
            else {timeline at pg_catalog.pg_current_wal_lsn()}
       end,
       coalesce(case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end, '0/0')::pg_catalog.text,
       coalesce(case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn() end, '0/0')::pg_catalog.text,
       exists (select from pg_catalog.pg_stat_wal_receiver w where w.status = 'streaming'),
       pg_catalog.current_setting('synchronous_standby_names'),
       coalesce((select s.value from setting s where not s.mine and s.name = 'synchronous_commit'),
                case when not exists (select from setting s where s.mine and s.name = 'synchronous_commit')
                     then pg_catalog.current_setting('synchronous_commit')
                end),
       exists (select from setting s where not s.mine and s.name = 'synchronous_commit'),
       coalesce((select s.value from setting s where not s.mine and s.name = 'default_transaction_read_only'),
                case when not exists (select from setting s where s.mine and s.name = 'default_transaction_read_only')
                     then pg_catalog.current_setting('default_transaction_read_only')
                end)::boolean,
       (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                   'name', r.application_name,
                   'client_addr', coalesce(pg_catalog.host(r.client_addr), ''),
                   'state', coalesce(r.state, ''),
                   'sync_state', coalesce(r.sync_state, ''),
                   'sent_lsn', coalesce(r.sent_lsn, '0/0')::pg_catalog.text,
                   'flush_lsn', coalesce(r.flush_lsn, '0/0')::pg_catalog.text,
                   'replay_lsn', coalesce(r.replay_lsn, '0/0')::pg_catalog.text,
                   'replay_lag_ns', (extract(epoch from r.replay_lag) * 1000000000)::bigint)
                   order by r.application_name, r.pid), '[]')::pg_catalog.text
        from pg_catalog.pg_stat_replication r)
