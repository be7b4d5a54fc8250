select pg_is_in_recovery(),
       case when pg_is_in_recovery()
            then (select w.received_tli from pg_stat_wal_receiver w)::bigint
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
       end,
       coalesce(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, '0/0')::text,
       coalesce(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() end, '0/0')::text,
       exists (select from pg_stat_wal_receiver w where w.status = 'streaming'),
       current_setting('synchronous_standby_names'),
       coalesce((select s.value from setting s where not s.mine and s.name = 'synchronous_commit'),
                case when not exists (select from setting s where s.mine and s.name = 'synchronous_commit')
                     then current_setting('synchronous_commit')
                end),
       coalesce((select s.value from setting s where not s.mine and s.name = 'default_transaction_read_only'),
                case when not exists (select from setting s where s.mine and s.name = 'default_transaction_read_only')
                     then current_setting('default_transaction_read_only')
                end)::boolean,
       (select coalesce(json_agg(json_build_object(
                   'name', r.application_name,
                   'state', coalesce(r.state, ''),
                   'sync_state', coalesce(r.sync_state, ''),
                   'sent_lsn', coalesce(r.sent_lsn, '0/0')::text,
                   'flush_lsn', coalesce(r.flush_lsn, '0/0')::text,
                   'replay_lsn', coalesce(r.replay_lsn, '0/0')::text)
                   order by r.application_name, r.pid), '[]')::text
        from pg_stat_replication r)
