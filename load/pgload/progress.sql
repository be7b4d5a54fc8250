select pg_catalog.pg_is_in_recovery(),
       case when pg_catalog.pg_is_in_recovery()
            then coalesce((select w.received_tli from pg_catalog.pg_stat_wal_receiver w),
                          (select r.min_recovery_end_timeline from pg_catalog.pg_control_recovery() r), 0)::bigint
            else {timeline at pg_catalog.pg_current_wal_lsn()}
       end,
       array(select coalesce((select t.int_value from %s t
                              where t.int_value >= w.low and t.int_value < w.low + (1::bigint << 40)
                              order by t.int_value desc limit 1), w.low) - w.low
             from pg_catalog.unnest($1::bigint[]) with ordinality w (low, n) order by w.n)
