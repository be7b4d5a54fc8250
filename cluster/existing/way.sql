select (select s.system_identifier::text from pg_control_system() s),
       current_database()::text,
       coalesce((select shobj_description(d.oid, 'pg_database') from pg_database d where d.datname = current_database()), ''),
       current_setting('synchronous_commit')
