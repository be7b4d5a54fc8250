select pg_is_in_recovery(),
       case when pg_is_in_recovery()
            then coalesce((select w.received_tli from pg_stat_wal_receiver w)::bigint,
                          -- Without a receiver: what it wrote last. pg_control lags here
                          -- until a page or a restart point has been flushed.
                          (select max(('x' || substr(f.name, 1, 8))::bit(32)::bigint)
                           from pg_ls_waldir() f where f.name ~ '^[0-9A-F]{24}$'),
                          (select c.timeline_id from pg_control_checkpoint() c)::bigint)
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
       end,
       (select s.system_identifier::text from pg_control_system() s),
       current_setting('server_version'),
       coalesce(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, '0/0')::text,
       coalesce(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() end, '0/0')::text,
       exists (select from pg_stat_wal_receiver w where w.status = 'streaming'),
       case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end,
       coalesce((select s.value from setting s where not s.mine and s.name = 'synchronous_commit'),
                -- Where our own role has one, our session does not show the server's.
                case when exists (select from setting s where s.mine and s.name = 'synchronous_commit')
                     then (select f.setting from pg_file_settings f
                           where f.name = 'synchronous_commit' and f.applied order by f.seqno desc limit 1)
                end,
                (select case when exists (select from setting o where o.mine and o.name = s.name)
                             then s.boot_val else s.reset_val end
                 from pg_settings s where s.name = 'synchronous_commit')),
       coalesce((select s.value from setting s where not s.mine and s.name = 'default_transaction_read_only'),
                case when not exists (select from setting s where s.mine and s.name = 'default_transaction_read_only')
                     then current_setting('default_transaction_read_only')
                end)::boolean,
       (select coalesce(string_agg(s.name || '=' || s.value, ',' order by s.name), '') from setting s where s.mine),
       current_setting('synchronous_standby_names'),
       (select c.redo_lsn::text from pg_control_checkpoint() c),
       pg_postmaster_start_time(),
       (select min(a.backend_start) from pg_stat_activity a where a.backend_type = 'checkpointer'),
       (select count(*) from pg_stat_activity a where a.wait_event_type = 'IPC' and a.wait_event = 'SyncRep'),
       (select coalesce(json_agg(json_build_object(
                   'name', r.application_name,
                   'state', coalesce(r.state, ''),
                   'sync_state', coalesce(r.sync_state, ''),
                   'sent_lsn', coalesce(r.sent_lsn, '0/0')::text,
                   'flush_lsn', coalesce(r.flush_lsn, '0/0')::text,
                   'replay_lsn', coalesce(r.replay_lsn, '0/0')::text)
                   order by r.application_name, r.pid), '[]')::text
        from pg_stat_replication r)
