package spec

import "reflect"

// What an editor shows of a key stands beside its field, in the tag jsonschema_description. Here is
// what no field is for. A test finds the property that has no description.

// describeType is what an editor shows of a type.
func describeType(t reflect.Type, field string) string {
	if field != "" {
		return "" // its tag says it
	}
	return map[string]string{
		"Experiment":  "An experiment of pgchaos: a replicated PostgreSQL cluster, its load, what is done to it, and what is expected.",
		"Baseline":    "What the load must achieve before the first fault.",
		"Compare":     "What is compared, and how large a difference matters.",
		"Cluster":     "The nodes, and how they are set up.",
		"Docker":      "How the docker provider makes containers.",
		"Node":        "One node's own settings.",
		"Synchronous": "A regime of synchronous replication.",
		"Workload":    "One stream of operations.",
		"Stage":       "A stretch of a workload: a rate or a number of clients.",
		"Part":        "A part of a mix: a kind, and what belongs to it.",
		"Step":        "One action, and when it happens.",
		"Repeat":      "How often a step is done.",
		"Condition":   "A statement about the cluster; everything set in it has to hold.",
	}[t.Name()]
}

// describeKey is what an editor shows of a field that schemaOf replaces.
func describeKey(of any, field string) string {
	f, _ := reflect.TypeOf(of).FieldByName(field)
	return f.Tag.Get("jsonschema_description")
}

// describeParam is what an editor shows of a kind of generator, or of one of its keys.
func describeParam(key string) string {
	return map[string]string{
		"sequence": "The numbers from min on, each once in the workload.",
		"uniform":  "Numbers from min to max, all as likely.",
		"zipfian":  "Numbers from min to max, the lower the likelier.",
		"gaussian": "Numbers from min to max, the likelier the nearer to the middle.",
		"choice":   "One of these.",
		"text":     "So many random letters.",
		"min":      "The least; 1 by default.",
		"max":      "The greatest.",
		"theta":    "How much likelier the lower ones are, above 1; 1.2 by default.",
		"sigma":    "How many standard deviations lie between the middle and a bound; 2.5 by default.",
	}[key]
}
