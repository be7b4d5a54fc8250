copy (
{{- if .Serial}}
    select case when t.tag[1]::bigint <= {{.MaxWriter}} and t.tag[2]::bigint <= {{.MaxSeq}}
                then t.tag[1]::bigint << 40 | t.tag[2]::bigint
                else 0
           end as key,
           t.int_value::bigint, t.char_value::text
    from (select int_value, char_value,
                 regexp_match(char_value::text, '^w(0|[1-9][0-9]{0,6}):([1-9][0-9]{0,12}):') as tag
          from {{.Table}}) t
{{- else}}
    select greatest(int_value::bigint, 0) as key, int_value::bigint, char_value::text
    from {{.Table}}
{{- end}}
    order by 1, 2 nulls first, char_value::text collate "C" nulls first
    offset {{.Offset}}
) to stdout (format binary)
