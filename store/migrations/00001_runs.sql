create table runs (
    hash        text primary key, -- of the raw result directory
    run         text not null unique,
    experiment  text not null,
    variant     text not null,
    cell        text not null,
    round       {{.integer}} not null,
    warmup      {{.boolean}} not null,
    series      text not null,
    fingerprint text not null, -- a hash of the settings
    started     {{.time}} not null,
    verdict     text not null check (verdict in ('pass', 'fail', 'inconclusive')),
    tool        text not null, -- pgchaos's version
    added       {{.time}} not null,
    bytes       {{.integer}} not null
) {{.strict}};

create index runs_history on runs (experiment, variant, cell, fingerprint, started);

-- In seconds, a second, a share of 1, or a count.
create table figures (
    hash     text not null references runs on delete cascade,
    position {{.integer}} not null,
    metric   text not null,
    value    {{.float}},
    known    {{.boolean}} not null,
    why      text not null, -- it is not known
    at_least {{.boolean}} not null,
    most     {{.float}} not null, -- 0: it is the value
    primary key (hash, position)
) {{.strict}};

-- What was lost, by a kill or by something else.
create table losses (
    hash     text not null references runs on delete cascade,
    position {{.integer}} not null,
    by_kill  {{.boolean}} not null,
    step     text not null,
    at_ns    {{.integer}} not null,
    known    {{.boolean}} not null,
    why      text not null, -- it is not known
    lost     {{.integer}} not null,
    weak     {{.integer}} not null, -- of these
    span_ns  {{.integer}} not null,
    primary key (hash, position)
) {{.strict}};

-- Its workloads, those of them that write, why it is not comparable, and warnings.
create table lists (
    hash     text not null references runs on delete cascade,
    name     text not null check (name in ('workloads', 'writers', 'not comparable', 'warnings')),
    position {{.integer}} not null,
    item     text not null,
    primary key (hash, name, position)
) {{.strict}};

-- The fingerprint in full.
create table settings (
    hash     text not null references runs on delete cascade,
    position {{.integer}} not null,
    name     text not null,
    value    text not null,
    of_file  {{.boolean}} not null,
    measured {{.float}} not null, -- in seconds; 0: it was not measured
    primary key (hash, position)
) {{.strict}};

-- A marked run cannot be deleted.
create table marks (
    hash    text not null references runs,
    kind    text not null check (kind in ('accepted', 'baseline')),
    at      {{.time}} not null,
    made_by text not null,
    why     text not null,
    primary key (hash, kind)
) {{.strict}};
