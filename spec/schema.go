package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/invopop/jsonschema"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
)

// Schema is the JSON Schema (2020-12) of an experiment file, for editors. It is
// made from the same types that Load decodes into, and knows their shorthands; what
// needs more than one place of the file to be judged, only Load can tell. Known are the providers.
func Schema(known []cluster.Description) ([]byte, error) {
	r := &jsonschema.Reflector{
		Anonymous:                  true,
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		ExpandedStruct:             true,
		Mapper:                     schemaOf,
		LookupComment:              describeType,
	}
	s := r.Reflect(Experiment{})
	for name, part := range map[string]any{"Node": Node{}, "Workload": Workload{}, "ExistingNode": ExistingNode{}, "Hook": Hook{}} { // schemaOf hides them
		s.Definitions[name] = defined(r, s, part)
	}
	for _, k := range fault.Kinds() {
		addAction(r, s, k)
	}
	s.Title = "pgchaos experiment"
	constrain(s)
	describeProviders(s, known)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the JSON schema: %w", err)
	}
	return append(text, '\n'), nil
}

// defined is the schema of a part, whose own parts are added to the definitions.
func defined(r *jsonschema.Reflector, s *jsonschema.Schema, part any) *jsonschema.Schema {
	def := r.Reflect(part)
	maps.Copy(s.Definitions, def.Definitions)
	def.Version, def.Definitions = "", nil
	return def
}

// addAction adds the key of an action to the steps.
func addAction(r *jsonschema.Reflector, s *jsonschema.Schema, k fault.Kind) {
	p := k.New()
	if name := reflect.TypeOf(p).Elem().Name(); s.Definitions[name] != nil { // a condition, as of a step's when
		s.Definitions["Step"].Properties.Set(k.Name, &jsonschema.Schema{Ref: "#/$defs/" + name, Description: k.Doc})
		return
	}
	def := defined(r, s, p)
	if words, ok := p.(fault.WithWords); ok {
		for key, of := range words.Words() {
			property(def, key).Type, property(def, key).AnyOf = "", choice(of)
		}
	}
	if without, ok := p.(fault.WithoutKeys); ok {
		for _, key := range without.WithoutKeys() {
			def.Properties.Delete(key)
		}
	}
	eachField(p, func(key string, field reflect.Value) {
		if field.Type() == reflect.TypeFor[*string]() { // the decoder takes the text of any one value
			property(def, key).Type, property(def, key).AnyOf = "", single().AnyOf
		}
	})
	def.Description = ""
	if short, ok := p.(fault.Shorthand); ok && short.Short() != nil {
		one := schemaOf(reflect.TypeOf(short.Short()).Elem())
		if one == nil { // the name of one node
			one = &jsonschema.Schema{Type: "string", MinLength: number(1)}
		}
		def = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{one, def}}
		if keys, _ := fieldsOf(reflect.TypeOf(p).Elem()); len(keys) == 0 {
			def = def.AnyOf[0]
		}
	}
	def.Description = k.Doc
	s.Definitions["Step"].Properties.Set(k.Name, def)
}

const (
	variableForm = `\$\{[A-Za-z_]`
	durationForm = `^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$|` + variableForm
	sizeForm     = `^[0-9]+\s*(kB|MB|GB)$|` + variableForm
	cpusForm     = `^[0-9]+(\.[0-9]*)?$|` + variableForm
	shareForm    = `^([0-9]|[1-9][0-9]|100)(\.[0-9]*)?\s*%$|` + variableForm
	rateForm     = `^[0-9]+(\.[0-9]*)?\s*(/\s*(s|m|ms)|%)$|` + variableForm
)

// schemaOf are the types that the decoder treats by itself.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	text := func(pattern string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Pattern: pattern} }
	name := func() *jsonschema.Schema { return text(namePattern.String() + "|" + variableForm) }
	switch t {
	case reflect.TypeFor[Duration]():
		return either(text(durationForm), &jsonschema.Schema{Const: 0})
	case reflect.TypeFor[Rate]():
		return text(rateForm)
	case reflect.TypeFor[Share]():
		return text(shareForm)
	case reflect.TypeFor[Size]():
		return text(sizeForm)
	case reflect.TypeFor[CPUs]():
		return either(text(cpusForm), &jsonschema.Schema{Type: "number", Minimum: "0.01"})
	case reflect.TypeFor[Nodes]():
		named := entries("Node")
		named.AdditionalProperties = either(&jsonschema.Schema{Type: "null"}, named.AdditionalProperties)
		return either(&jsonschema.Schema{Type: "array", Items: name(), MinItems: number(1), UniqueItems: true}, named)
	case reflect.TypeFor[ExistingNodes](), reflect.TypeFor[Hooks]():
		return entries(t.Elem().Name())
	case reflect.TypeFor[Workloads]():
		return workloadsSchema()
	case reflect.TypeFor[Variants]():
		return variantsSchema()
	case reflect.TypeFor[Matrix]():
		return matrixSchema()
	case reflect.TypeFor[Metrics]():
		return metricsSchema(text(shareForm))
	case reflect.TypeFor[Expected]():
		return expectedSchema()
	case reflect.TypeFor[Statements]():
		return either(&jsonschema.Schema{Type: "string"}, &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "string"}, MinItems: number(1)})
	case reflect.TypeFor[Params]():
		return paramsSchema()
	case reflect.TypeFor[map[string]int]():
		return &jsonschema.Schema{Type: "object", AdditionalProperties: either(&jsonschema.Schema{Type: "integer"}, text(variableForm))}
	case reflect.TypeFor[fault.WorkloadList](), reflect.TypeFor[NodeList]():
		return either(name(), &jsonschema.Schema{Type: "array", Items: name(), MinItems: number(1), UniqueItems: true})
	case reflect.TypeFor[map[string]string]():
		return &jsonschema.Schema{Type: "object", AdditionalProperties: single()}
	}
	switch t.Kind() {
	case reflect.Int, reflect.Uint64:
		return either(&jsonschema.Schema{Type: "integer"}, text(variableForm))
	case reflect.Bool:
		return either(&jsonschema.Schema{Type: "boolean"}, text(variableForm))
	}
	return nil
}

// workloadsSchema is a mapping of names to workloads, and the setup before them.
func workloadsSchema() *jsonschema.Schema {
	load := entries("Workload")
	load.Properties = jsonschema.NewProperties()
	setup := schemaOf(reflect.TypeFor[Statements]())
	setup.Description = describeKey(Experiment{}, "Setup")
	load.Properties.Set("setup", setup)
	return load
}

// expectedSchema is an expectation: a text, or a mapping with more about it.
func expectedSchema() *jsonschema.Schema {
	of := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: []string{"that"}, AdditionalProperties: jsonschema.FalseSchema}
	of.Properties.Set("that", &jsonschema.Schema{Type: "string", MinLength: number(1), Description: describeKey(Expected{}, "That")})
	abort := schemaOf(reflect.TypeFor[bool]())
	abort.Description = describeKey(Expected{}, "Abort")
	of.Properties.Set("abort", abort)
	return either(&jsonschema.Schema{Type: "string"}, of)
}

// variantsSchema is a mapping of names to what is different.
func variantsSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", PropertyNames: &jsonschema.Schema{Pattern: variantPattern.String()}, MinProperties: number(1),
		AdditionalProperties: either(&jsonschema.Schema{Type: "null"}, &jsonschema.Schema{Type: "object"}),
	}
}

// matrixSchema is a mapping of paths to values.
func matrixSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", AdditionalProperties: either(
		&jsonschema.Schema{Type: "array", Items: single(), MinItems: number(1), UniqueItems: true},
		&jsonschema.Schema{Type: "object", MinProperties: number(1)},
	)}
}

// metricsSchema is a list of metrics, or a mapping of metrics to tolerances.
func metricsSchema(tolerance *jsonschema.Schema) *jsonschema.Schema {
	one := &jsonschema.Schema{Type: "string", MinLength: number(1)}
	return either(one, &jsonschema.Schema{Type: "array", Items: one, UniqueItems: true}, &jsonschema.Schema{Type: "object", AdditionalProperties: tolerance})
}

// paramsSchema is a mapping of names to generators.
func paramsSchema() *jsonschema.Schema {
	words := &jsonschema.Schema{Type: "string", Pattern: variableForm + "|^(now|client|uuid)$"}
	one := &jsonschema.Schema{Type: "object", MinProperties: number(1), MaxProperties: number(1), Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, kind := range generatorKinds() {
		switch keys := generators()[kind]; {
		case kind == "choice":
			one.Properties.Set(kind, &jsonschema.Schema{Type: "array", Items: single(), MinItems: number(1)})
		case kind == "text":
			one.Properties.Set(kind, either(&jsonschema.Schema{Type: "integer"}, &jsonschema.Schema{Type: "string", Pattern: variableForm}))
		case len(keys) > 0:
			of := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
			for _, key := range keys {
				number := either(&jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "string", Pattern: variableForm})
				number.Description = describeParam(key)
				of.Properties.Set(key, number)
			}
			one.Properties.Set(kind, of)
		}
		if made, ok := one.Properties.Get(kind); ok {
			made.Description = describeParam(kind)
		}
	}
	return &jsonschema.Schema{
		Type: "object", PropertyNames: &jsonschema.Schema{Pattern: namePattern.String()}, AdditionalProperties: either(words, one),
	}
}

func either(schemas ...*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: schemas}
}

// single is any one value: the decoder takes its text.
func single() *jsonschema.Schema {
	return either(&jsonschema.Schema{Type: "string"}, &jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "boolean"})
}

// entries is a mapping of names to a defined part.
func entries(def string) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type:                 "object",
		PropertyNames:        &jsonschema.Schema{Pattern: namePattern.String()},
		AdditionalProperties: &jsonschema.Schema{Ref: "#/$defs/" + def},
	}
}

func number(n uint64) *uint64 { return &n }

// constrain adds what the Go types cannot say: what has to be there, which words
// and numbers are allowed, and the shorthands of actions.
func constrain(s *jsonschema.Schema) {
	s.Required = []string{"name", "cluster"}
	property(s, "name").Pattern = namePattern.String() + "|" + variableForm
	limit(s, "seed", 0, 0)
	limit(s, "rounds", 1, maxRounds)
	limit(s, "warmup_rounds", 0, maxRounds)
	baseline := property(s, "baseline")
	s.Properties.Set("baseline", &jsonschema.Schema{
		Description: baseline.Description,
		AnyOf:       []*jsonschema.Schema{{Type: "string", MinLength: number(1)}, {Ref: baseline.Ref}},
	})
	s.Definitions["Workload"].Required = []string{"kind"}
	s.Definitions["Cluster"].AnyOf = []*jsonschema.Schema{{Required: []string{"nodes"}}, {Required: []string{"existing"}}}
	constrainWords(s.Definitions)
	limit(s.Definitions["Cluster"], "postgres", minPostgres, maxPostgres)
	limit(s.Definitions["Workload"], "clients", 1, maxClients)
	limit(s.Definitions["Workload"], "max_abandoned", 1, maxAbandoned)
	limit(s.Definitions["Workload"], "payload", minPayload, maxPayload)
	constrainWorkload(s.Definitions["Workload"])
	constrainPart(s.Definitions["Part"])
	constrainStep(s.Definitions["Step"])
	constrainRandom(s.Definitions)
	allowHooks(s)
	s.Definitions["Repeat"].Required = []string{"every", "times"}
	limit(s.Definitions["Repeat"], "times", 1, maxTimes)
}

// allowHooks lets the steps of a file with cluster.existing be called by the words of its hooks, which only Load knows.
func allowHooks(s *jsonschema.Schema) {
	steps := property(s, "timeline").Items
	property(s, "timeline").Items = nil
	timeline := func(items *jsonschema.Schema) *jsonschema.Schema {
		of := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
		of.Properties.Set("timeline", &jsonschema.Schema{Items: items})
		return of
	}
	met := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	met.Properties.Set("cluster", &jsonschema.Schema{Required: []string{"existing"}})
	s.AllOf = append(s.AllOf, &jsonschema.Schema{
		If: met, Then: timeline(&jsonschema.Schema{AnyOf: []*jsonschema.Schema{steps, {Type: "object", MinProperties: number(1)}}}), Else: timeline(steps),
	})
}

// constrainRandom gives the faults of a random schedule the keys of a step, but for those that the schedule decides about.
func constrainRandom(defs jsonschema.Definitions) {
	one, step := defs["RandomFault"], defs["Step"]
	for p := step.Properties.Oldest(); p != nil; p = p.Next() {
		if !slices.Contains(scheduledKeys(), p.Key) {
			one.Properties.Set(p.Key, p.Value)
		}
	}
	one.OneOf, one.DependentSchemas = step.OneOf, step.DependentSchemas
	limit(one, "weight", 0, maxWeight)
	random := defs["Random"]
	random.Required = []string{"faults"}
	limit(random, "healthy", 0, 0)
	limit(random, "at_once", 1, 0)
	limit(random, "seed", 0, 0)
	property(random, "faults").MinItems = number(1)
}

// choice is one of some words, or a variable.
func choice(of []string) []*jsonschema.Schema {
	enum := &jsonschema.Schema{}
	for _, word := range of {
		enum.Enum = append(enum.Enum, word)
	}
	return []*jsonschema.Schema{enum, {Type: "string", Pattern: variableForm}}
}

// constrainWords says which words can stand where.
func constrainWords(defs jsonschema.Definitions) {
	for at, of := range map[[2]string][]string{
		{"Docker", "names"}:        nameForms(),
		{"Docker", "restart"}:      restarts(),
		{"Synchronous", "commit"}:  commits(),
		{"Workload", "kind"}:       kinds(),
		{"Workload", "key"}:        keyForms(),
		{"Workload", "on_timeout"}: onTimeouts(),
		{"Workload", "arrivals"}:   arrivalForms(),
		{"Workload", "overflow"}:   overflows(),
		{"Workload", "catch_up"}:   catchUps(),
		{"Workload", "ramp"}:       ramps(),
		{"Workload", "protocol"}:   protocols(),
		{"Workload", "isolation"}:  isolations(),
		{"Workload", "route"}:      routes(),

		{"Workload", "synchronous_commit"}: commits(),
	} {
		p := property(defs[at[0]], at[1])
		p.Type, p.AnyOf = "", choice(of)
	}
	property(defs["Condition"], "role").AdditionalProperties = either(choice(roleWords())...)
	property(defs["Condition"], "sync_state").AdditionalProperties = either(choice(syncStates())...)
}

// describeProviders says which providers there are.
func describeProviders(s *jsonschema.Schema, known []cluster.Description) {
	p := property(s.Definitions["Cluster"], "provider")
	p.Type, p.AnyOf = "", choice(providers(known))
	for i, d := range known {
		words := "; "
		if i == 0 {
			words = "Where the nodes run: "
		}
		p.Description += words + d.Name
		if d.Name == defaultProvider {
			p.Description += " (the default)"
		}
		p.Description += ", " + d.Summary
	}
	p.Description += "."
}

func property(s *jsonschema.Schema, key string) *jsonschema.Schema {
	p, _ := s.Properties.Get(key)
	return p
}

// limit bounds a number; most 0: only below.
func limit(s *jsonschema.Schema, key string, least, most int) {
	n := property(s, key).AnyOf[0]
	n.Minimum = json.Number(strconv.Itoa(least))
	if most > 0 {
		n.Maximum = json.Number(strconv.Itoa(most))
	}
}

// constrainWorkload says which keys belong to which kind.
func constrainWorkload(s *jsonschema.Schema) {
	only := func(kind string, keys ...string) *jsonschema.Schema {
		rule := &jsonschema.Schema{
			If:   &jsonschema.Schema{Properties: jsonschema.NewProperties(), Required: []string{"kind"}},
			Then: &jsonschema.Schema{Properties: jsonschema.NewProperties()},
		}
		rule.If.Properties.Set("kind", &jsonschema.Schema{Const: kind})
		for _, key := range keys {
			rule.Then.Properties.Set(key, jsonschema.FalseSchema)
		}
		return rule
	}
	of := keysOfKinds()
	for _, kind := range kinds() {
		var foreign []string
		for _, key := range slices.Sorted(maps.Keys(of)) {
			if _, here := s.Properties.Get(key); here && !slices.Contains(of[key], kind) {
				foreign = append(foreign, key)
			}
		}
		rule := only(kind, foreign...)
		if kind == kindSQL || kind == kindScript || kind == kindMix { // each needs the key of its own name
			rule.Then.Required = []string{kind}
		}
		s.AllOf = append(s.AllOf, rule)
	}
}

// constrainPart takes away what belongs to the whole of a mix.
func constrainPart(s *jsonschema.Schema) {
	s.Required = []string{"kind"}
	of := keysOfKinds()
	keys, _ := fieldsOf(reflect.TypeFor[Workload]())
	for _, key := range keys {
		if key != "kind" && (of[key] == nil || key == "mix") {
			s.Properties.Delete(key)
		}
	}
	constrainWorkload(s)
	limit(s, "payload", minPayload, maxPayload)
	limit(s, "weight", 1, maxRows)
}

// constrainStep says that a step has exactly one action.
func constrainStep(s *jsonschema.Schema) {
	for _, a := range Actions() {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{a}})
	}
	when := property(s, "when")
	s.Properties.Set("when", &jsonschema.Schema{
		Description: when.Description,
		AnyOf:       []*jsonschema.Schema{{Type: "string", MinLength: number(1)}, {Ref: when.Ref}},
	})
	onError := property(s, "on_error")
	onError.Type, onError.AnyOf = "", choice(onErrors())
	timed := &jsonschema.Schema{Required: []string{"at", "when"}}
	s.Not = timed
	s.DependentRequired = map[string][]string{"within": {"when"}}
	reversible := &jsonschema.Schema{}
	for _, k := range fault.Kinds() {
		if k.Reversible {
			reversible.AnyOf = append(reversible.AnyOf, &jsonschema.Schema{Required: []string{k.Name}})
		}
	}
	s.DependentSchemas = map[string]*jsonschema.Schema{"for": reversible}
}
