package schema_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"hrbridge/schema"
)

// compiled is the schema of a type, refused unless it is valid 2020-12 and stands alone: nothing can be loaded.
func compiled(t *testing.T, eventType string) *jsonschema.Schema {
	t.Helper()
	text, ok := schema.Schema(eventType)
	if !ok {
		t.Fatalf("%s has no schema", eventType)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	id := document.(map[string]any)["$id"].(string)
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource(id, document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(id)
	if err != nil {
		t.Fatalf("%s: %v", eventType, err)
	}
	if s.DraftVersion != 2020 {
		t.Errorf("%s: draft %d", eventType, s.DraftVersion)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, event string) error {
	t.Helper()
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(instance)
}

func TestSchema(t *testing.T) {
	t.Parallel()
	for _, eventType := range schema.Documented() {
		t.Run(eventType, func(t *testing.T) {
			t.Parallel()
			s := compiled(t, eventType)
			object, _, _ := strings.Cut(eventType, ".")
			typed := func(rest string) string { return `{"type":"` + eventType + `"` + rest + `}` }
			for _, row := range []struct {
				says  string
				event string
				valid bool
			}{
				{"nothing but the type is required", typed(``), true},
				{"additional members are allowed", typed(`,"new":1,"profile":{"new":[]},"job":{"board":{"new":{}}}`), true},
				{"a reference stands for the whole object", typed(`,"profile":{"key":"1","source":{"key":"2"}}`), true},
				{"the oldest form of a profile is a profile", typed(`,"profile":{"profile_id":"1","profile_reference":"2"}`), true},
				{"what is not known is null", typed(`,"profile":{"archived_at":null,"info":{"location":{"lat":null}}},"job":{"archived_at":null}`), true},
				{"another type is refused", `{"type":"` + eventType + `d"}`, false},
				{"no type is refused", `{"origin":"api"}`, false},
				{"what is no object is refused", `[]`, false},
				{"an origin that is no text is refused", typed(`,"origin":1`), false},
				{"a key that is no text is refused", typed(`,"profile":{"key":1},"job":{"key":1}`), false},
				{"a name that is no text is refused", typed(`,"profile":{"info":{"full_name":{}}},"job":{"name":[]}`), false},
			} {
				if err := validate(t, s, row.event); (err == nil) != row.valid {
					t.Errorf("%s: %s: %v", row.says, row.event, err)
				}
			}
			if object == "action" {
				if validate(t, s, typed(`,"stage":[]`)) == nil || validate(t, s, typed(`,"stage":2`)) != nil {
					t.Error("a stage is text or a number")
				}
			}
		})
	}
}

func TestSchemaIsOfDocumentedTypesOnly(t *testing.T) {
	t.Parallel()
	for _, eventType := range []string{"", "profile", "profile.parsing.update", "profile.parsing.success ", "Profile.Parsing.Success"} {
		if _, ok := schema.Schema(eventType); ok {
			t.Errorf("%q has a schema", eventType)
		}
	}
}

func TestSchemaHoldsNoMoreThanItRefersTo(t *testing.T) {
	t.Parallel()
	text, _ := schema.Schema("job.parsing.success")
	var document struct {
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	if _, there := document.Defs["profile"]; there || document.Defs["job"] == nil {
		t.Errorf("definitions: %v", document.Defs)
	}
}

func TestSamplesValidate(t *testing.T) {
	t.Parallel()
	for _, eventType := range schema.Documented() {
		t.Run(eventType, func(t *testing.T) {
			t.Parallel()
			s := compiled(t, eventType)
			for seed := range uint64(1000) {
				r := rand.New(rand.NewPCG(seed, 0))
				event, err := schema.Sample(eventType, r, schema.SampleOptions{Size: int(seed%2) * r.IntN(4000)})
				if err != nil {
					t.Fatal(err)
				}
				if err := validate(t, s, string(event)); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		})
	}
}
