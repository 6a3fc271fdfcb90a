package pipeline

import "encoding/json/v2"

// schema is a piece of JSON Schema.
type schema map[string]any

// variableSchema allows ${VAR} where a number or a boolean is expected.
var variableSchema = schema{"type": "string", "pattern": `\$\{`}

// Schema is the JSON Schema of a pipeline file, for editors.
func Schema() ([]byte, error) {
	s := sectionSchema(newConfig())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Afflux pipeline"
	return json.Marshal(s, json.Deterministic(true))
}

func sectionSchema(s section) schema {
	b := bindingsOf(s)
	properties, required := schema{}, []any{}
	for _, k := range b.bindings {
		p := k.to.schema()
		p["description"] = k.doc
		properties[k.key] = p
		if k.required {
			required = append(required, k.key)
		}
	}
	out := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}
