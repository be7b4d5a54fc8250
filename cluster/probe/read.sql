select pg_catalog.pg_is_in_recovery(),
       case when pg_catalog.pg_is_in_recovery()
            then {timeline of a standby}
            else {timeline at pg_catalog.pg_current_wal_lsn()}
       end,
       (select s.system_identifier::pg_catalog.text from pg_catalog.pg_control_system() s),
       pg_catalog.current_setting('server_version'),
       coalesce(case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end, '0/0')::pg_catalog.text,
       coalesce(case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn() end, '0/0')::pg_catalog.text,
       exists (select from pg_catalog.pg_stat_wal_receiver w where w.status = 'streaming'),
       case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_is_wal_replay_paused() else false end,
       coalesce((select s.value from setting s where not s.mine and s.name = 'synchronous_commit'),
                -- Where our own role has one, our session does not show the server's.
                case when exists (select from setting s where s.mine and s.name = 'synchronous_commit')
                     then {synchronous_commit of the files}
                end,
                (select case when exists (select from setting o where o.mine and o.name = s.name)
                             then s.boot_val else s.reset_val end
                 from pg_catalog.pg_settings s where s.name = 'synchronous_commit')),
       exists (select from setting s where not s.mine and s.name = 'synchronous_commit'),
       coalesce((select s.value from setting s where not s.mine and s.name = 'default_transaction_read_only'),
                case when not exists (select from setting s where s.mine and s.name = 'default_transaction_read_only')
                     then (select s.reset_val from pg_catalog.pg_settings s where s.name = 'default_transaction_read_only')
                end)::boolean,
       (select coalesce(pg_catalog.string_agg(s.name || '=' || s.value, ',' order by s.name), '') from setting s where s.mine),
       pg_catalog.current_setting('synchronous_standby_names'),
       (select c.redo_lsn::pg_catalog.text from pg_catalog.pg_control_checkpoint() c),
       pg_catalog.pg_postmaster_start_time(),
       activity.checkpointer,
       activity.sync_waiters,
       activity.connections,
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
from (select pg_catalog.min(a.backend_start) filter (where a.backend_type = 'checkpointer') as checkpointer,
             pg_catalog.count(*) filter (where a.wait_event_type = 'IPC' and a.wait_event = 'SyncRep') as sync_waiters,
             pg_catalog.count(*) filter (where a.backend_type = 'client backend' and a.pid <> pg_catalog.pg_backend_pid()) as connections
      from pg_catalog.pg_stat_activity a) activity
