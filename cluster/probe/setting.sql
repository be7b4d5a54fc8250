-- What a new session of the load's role (not mine) and one of our own (mine) get in this
-- database by "alter role ... set" and "alter database ... set": a role in a database
-- counts more than a role, that more than a database, and that more than all
-- (process_settings, src/backend/utils/init/postinit.c).
with setting as (
    select distinct on (who.mine, split_part(c, '=', 1))
           who.mine, split_part(c, '=', 1) as name, substr(c, strpos(c, '=') + 1) as value
    from (values (false, $1::text), (true, session_user::text)) who(mine, rolname),
         pg_db_role_setting s, unnest(s.setconfig) c
    where s.setrole in (0, (select r.oid from pg_roles r where r.rolname = who.rolname))
      and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
      and split_part(c, '=', 1) in ('synchronous_commit', 'default_transaction_read_only')
    order by who.mine, split_part(c, '=', 1), s.setrole <> 0 desc, s.setdatabase <> 0 desc
)
