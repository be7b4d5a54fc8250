# "fill DIRECTORY KILOBYTES" fills the file system of a directory by a file in it, but for so many kilobytes. "empty DIRECTORY 0"
# removes the file. Both print how many kilobytes are free then. "filled DIRECTORY 0" prints how large the file is; 0: there is none.
set -u
file=$1/pgchaos-fill
free() { df -P -k "$1" | awk 'NR == 2 {print $4}'; }
case $0 in
filled)
    if [ -e "$file" ]; then du -k "$file" | cut -f 1; else echo 0; fi
    exit
    ;;
fill)
    # More than once: the server may have removed a file of its own meanwhile.
    for _ in 1 2 3; do
        more=$(($(free "$1") - $2))
        [ "$more" -gt 0 ] || break
        head -c "$((more * 1024))" /dev/zero >>"$file" 2>/dev/null
    done
    ;;
empty) rm -f "$file" || exit 1 ;;
esac
free "$1"
