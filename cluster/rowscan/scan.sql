copy (
    select int_value::bigint, char_value::pg_catalog.text
    from {{.Table}}
{{- if .Ranged}}
    where ctid >= '({{.From}},0)'
{{- if .To}} and ctid < '({{.To}},0)'{{end}}
{{- end}}
) to stdout (format binary)
