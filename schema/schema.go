package schema

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed definitions.json
var definitionsJSON string

// definitions are the parts that schemas are made of, by name, read once.
var definitions = sync.OnceValue(func() map[string]json.RawMessage {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal([]byte(definitionsJSON), &parts); err != nil {
		return nil
	}
	return parts
})

// document is one JSON Schema, in the order in which people read it.
type document struct {
	Dialect     string                     `json:"$schema"`
	ID          string                     `json:"$id"`
	Title       string                     `json:"title"`
	Description string                     `json:"description"`
	Type        string                     `json:"type"`
	Required    []string                   `json:"required"`
	Properties  map[string]any             `json:"properties"`
	Defs        map[string]json.RawMessage `json:"$defs"`
}

// Schema is the JSON Schema (draft 2020-12) of one documented event type, and whether there is one. It stands alone: what it
// refers to is within it. It is open, as the wire is: only "type" is required, and members that it does not name are
// allowed.
func Schema(eventType string) ([]byte, bool) {
	i := slices.IndexFunc(catalogue(), func(e Entry) bool { return e.Documented && e.Type == eventType })
	if i < 0 {
		return nil, false
	}
	entry := catalogue()[i]
	d := document{
		Dialect:     "https://json-schema.org/draft/2020-12/schema",
		ID:          "urn:hrbridge:schema:" + entry.Type,
		Title:       entry.Type,
		Description: entry.Description,
		Type:        "object",
		Required:    []string{"type"},
		Properties:  map[string]any{"type": map[string]string{"const": entry.Type}},
		Defs:        map[string]json.RawMessage{},
	}
	for _, name := range members(entry.Type) {
		d.Properties[name] = map[string]string{"$ref": "#/$defs/" + name}
		d.define(name)
	}
	text, err := json.MarshalIndent(d, "", "  ")
	return text, err == nil
}

// members are the names of what an event of a type carries beside the type itself.
func members(eventType string) []string {
	common := []string{"origin", "message"}
	switch object, _, _ := strings.Cut(eventType, "."); object {
	case "profile", "job":
		return append(common, object)
	default:
		return append(common, "profile", "job", "stage", "rating", "score")
	}
}

// reference finds the names that a definition refers to.
var reference = regexp.MustCompile(`"#/\$defs/(\w+)"`)

// define takes a definition in, and all that it refers to.
func (d *document) define(name string) {
	if _, there := d.Defs[name]; there {
		return
	}
	d.Defs[name] = definitions()[name]
	for _, match := range reference.FindAllSubmatch(d.Defs[name], -1) {
		d.define(string(match[1]))
	}
}
