select (select s.system_identifier::text from pg_control_system() s),
       current_database()::text,
       pg_is_in_recovery(),
       current_setting('server_version_num')::int,
       current_setting('server_version'),
       coalesce((select shobj_description(d.oid, 'pg_database') from pg_database d where d.datname = current_database()), ''),
       -- a role that may not see the state of others sees null, and this much only: there are so many
       (select count(*) from pg_stat_replication r where coalesce(r.state, 'streaming') = 'streaming'),
       exists (select from pg_stat_wal_receiver w where coalesce(w.status, 'streaming') = 'streaming'),
       coalesce((select l.ssl from pg_stat_ssl l where l.pid = pg_backend_pid()), false),
       current_setting('cluster_name'),
       has_database_privilege(current_database(), 'create'),
       current_setting('synchronous_standby_names'),
       current_setting('synchronous_commit'),
       current_setting('archive_mode') <> 'off',
       (select count(*) from pg_stat_activity a
        where a.datname is not null and a.usename is not null and a.pid <> pg_backend_pid()
          and coalesce(a.backend_type, 'client backend') = 'client backend'
          -- other runs in this database are looked for by their schemas
          and (coalesce(a.application_name, '') not like $1 or a.application_name like $1 || '/%' and a.datname <> current_database())),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       (select count(*) from pg_stat_activity a where a.usename is not null and a.pid <> pg_backend_pid() and coalesce(a.backend_type, 'client backend') = 'client backend'),
       coalesce((select f.setting from pg_settings f where f.name = 'data_directory'), ''),
       (select coalesce(sum(pg_database_size(d.oid)), 0)::bigint from pg_database d
        where has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage')),
       -- pg_receivewal replays nothing, a base backup does not stream, and what decodes the WAL has a slot for that
       (select coalesce(json_agg(json_build_object('name', coalesce(r.application_name, ''), 'client_addr', coalesce(host(r.client_addr), ''),
         'standby', (r.state is null or r.state in ('streaming', 'catchup') and r.replay_lsn is not null)
          and not exists (select from pg_replication_slots s where s.active_pid = r.pid and s.slot_type = 'logical'))), '[]')::text
        from pg_stat_replication r),
       (select f.setting::bigint from pg_settings f where f.name = 'recovery_min_apply_delay'),
       case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end,
       -- whoever breaks a server breaks all of its databases
       array(select d.datname::text from pg_database d where d.datname ilike '%prod%' order by 1),
       array(select s.slot_name::text from pg_replication_slots s where s.slot_type = 'logical' and not s.temporary order by 1)
