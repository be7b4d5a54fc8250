\copy (select int_value from test_data) to '/dev/null' (format binary)
set enable_sort = off;
select int_value >> 40, (int_value & ((1::bigint << 40) - 1)) >> 14, count(*),
       bit_xor(hash_record_extended(t, 0)), sum(hash_record_extended(t, 0))
from test_data t
group by 1, 2;
