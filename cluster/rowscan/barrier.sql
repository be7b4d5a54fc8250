set local synchronous_commit = local;
set local client_min_messages = warning;
create table if not exists {table} (
    id      uuid primary key default pg_catalog.gen_random_uuid(),
    run     text not null,
    written timestamptz not null default pg_catalog.clock_timestamp()
)
