# pg_test_fsync measures each way to sync for a second. The first of them is enough: it says how
# long the disk takes. $1 is the program, $2 a file on the disk of the data directory.
"$1" -s 1 -f "$2" >"$2.txt" 2>/dev/null &
pid=$!
tries=0
until grep -q 'usecs/op' "$2.txt" || [ $tries -ge 50 ] || ! kill -0 $pid 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -TERM $pid 2>/dev/null
wait $pid
cat "$2.txt"
rm -f "$2" "$2.txt"
