-- What a new session of the load's role (not mine) and one of our own (mine) get in this
-- database by "alter role ... set" and "alter database ... set": a role in a database
-- counts more than a role, that more than a database, and that more than all
-- (process_settings, src/backend/utils/init/postinit.c).
with setting as (
    select distinct on (who.mine, pg_catalog.split_part(c, '=', 1))
           who.mine, pg_catalog.split_part(c, '=', 1) as name, pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1) as value
    from (values (false, $1::pg_catalog.text), (true, session_user::pg_catalog.text)) who(mine, rolname),
         pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) c
    where s.setrole in (0, (select r.oid from pg_catalog.pg_roles r where r.rolname = who.rolname))
      and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()))
      and pg_catalog.split_part(c, '=', 1) in ('synchronous_commit', 'default_transaction_read_only')
    order by who.mine, pg_catalog.split_part(c, '=', 1), s.setrole <> 0 desc, s.setdatabase <> 0 desc
)
