package schema_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hrbridge/schema"
)

// The table of the wire document: the contract.
var contract = []string{
	"action.stage.error", "action.stage.success",
	"job.embedding.error", "job.embedding.success",
	"job.parsing.error", "job.parsing.success",
	"profile.embedding.error", "profile.embedding.success",
	"profile.parsing.error", "profile.parsing.success",
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	types := schema.Types()

	t.Run("the documented types are those of the contract", func(t *testing.T) {
		if diff := cmp.Diff(contract, schema.Documented()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the documented types come first, each part sorted", func(t *testing.T) {
		if diff := cmp.Diff(contract, types[:len(contract)]); diff != "" {
			t.Error(diff)
		}
		if !slices.IsSorted(types[len(contract):]) {
			t.Error("the types that are not documented are not sorted")
		}
	})
	t.Run("no type is there twice", func(t *testing.T) {
		sorted := slices.Sorted(slices.Values(types))
		if unique := slices.Compact(slices.Clone(sorted)); len(unique) != len(types) {
			t.Errorf("%d types, %d of them different", len(types), len(unique))
		}
	})
	t.Run("every type keeps to the grammar and has a known object", func(t *testing.T) {
		grammar := regexp.MustCompile(`^(profile|job|action|agent|filter)(\.[a-z][a-z0-9_]*){2}$`)
		for _, eventType := range types {
			if !grammar.MatchString(eventType) || len(eventType) > 200 {
				t.Errorf("%q is no event type", eventType)
			}
		}
	})
	t.Run("the types beyond the documentation are those that the wire document names", func(t *testing.T) {
		for _, eventType := range []string{
			"profile.parsing.update", "profile.storing.success", "job.reasoning.error", "action.rating.success", "agent.training.error",
			"agent.scoring.success", "profile.parse.success", "profile.score.error", "job.train.start", "filter.score.start",
		} {
			if !slices.Contains(types, eventType) {
				t.Errorf("%s is missing", eventType)
			}
		}
		if len(types) != 57 {
			t.Errorf("%d types, want 57", len(types))
		}
	})
	t.Run("every entry says what it is", func(t *testing.T) {
		for _, e := range schema.Catalogue() {
			if e.Description == "" || e.Generation < 1 || e.Generation > 2 || e.Documented != (e.Volume != "") {
				t.Errorf("incomplete: %+v", e)
			}
		}
	})
	t.Run("the documentation lists every type with its description", func(t *testing.T) {
		text, err := os.ReadFile("../docs/events.md")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range schema.Catalogue() {
			row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(e.Type) + "` \\|.* " + regexp.QuoteMeta(e.Description) + " \\|$")
			if !row.Match(text) {
				t.Errorf("docs/events.md has no row for %s", e.Type)
			}
		}
	})
	t.Run("a caller that changes its list changes nobody else's", func(t *testing.T) {
		schema.Catalogue()[0].Type = "changed"
		schema.Types()[0] = "changed"
		if schema.Types()[0] != contract[0] {
			t.Error("the catalogue was changed")
		}
	})
}
