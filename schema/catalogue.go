package schema

import (
	_ "embed"
	"encoding/json"
	"slices"
	"sync"
)

//go:embed catalogue.json
var catalogueJSON string

// Entry is what the catalogue says of one event type.
type Entry struct {
	// Type is the event type, such as "profile.parsing.success".
	Type string `json:"type"`
	// Documented tells whether HrFlow's documentation lists the type: the contract. Schema knows these. The others are
	// named by later documentation and by the SDKs.
	Documented bool `json:"documented"`
	// Generation is 1 for the types from before the company was renamed, 2 for those of today.
	Generation int `json:"generation"`
	// Volume is how much of the type the documentation says to expect, "high" or "low"; "" where it does not say.
	Volume string `json:"volume"`
	// Description is one sentence for people.
	Description string `json:"description"`
}

// catalogue is the compiled-in table, read once. That it can be read is a fact of the build, which the tests hold.
var catalogue = sync.OnceValue(func() []Entry {
	var entries []Entry
	if err := json.Unmarshal([]byte(catalogueJSON), &entries); err != nil {
		return nil
	}
	return entries
})

// Catalogue is every event type that is known: the documented ones first, each part in alphabetical order.
func Catalogue() []Entry { return slices.Clone(catalogue()) }

// Types is the event types of the whole catalogue, in its order.
func Types() []string { return typesOf(func(Entry) bool { return true }) }

// Documented is the event types that HrFlow's documentation lists, in alphabetical order.
func Documented() []string { return typesOf(func(e Entry) bool { return e.Documented }) }

func typesOf(wanted func(Entry) bool) []string {
	var types []string
	for _, e := range catalogue() {
		if wanted(e) {
			types = append(types, e.Type)
		}
	}
	return types
}
