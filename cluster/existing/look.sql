select (select s.system_identifier::text from pg_control_system() s),
       pg_is_in_recovery(),
       current_setting('server_version_num')::int,
       coalesce((select shobj_description(d.oid, 'pg_database') from pg_database d where d.datname = current_database()), ''),
       (select count(*) from pg_stat_replication r where r.state = 'streaming'),
       exists (select from pg_stat_wal_receiver w where w.status = 'streaming')
