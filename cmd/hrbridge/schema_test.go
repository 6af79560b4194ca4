package main

import (
	"encoding/json"
	"strings"
	"testing"

	"hrbridge/schema"
)

func TestSchemaVerb(t *testing.T) {
	t.Parallel()
	t.Run("without a type it lists the catalogue", func(t *testing.T) {
		code, out, errs := runWith(t, nil, "", "schema")
		if lines := strings.Count(out, "\n"); code != 0 || errs != "" || lines != len(schema.Types())+1 {
			t.Errorf("exit code %d, %d lines: %s", code, lines, errs)
		}
		if documented := strings.Count(out, " documented "); documented != 10 {
			t.Errorf("%d documented types", documented)
		}
	})
	t.Run("with a type it prints the schema", func(t *testing.T) {
		code, out, errs := runWith(t, nil, "", "schema", "job.parsing.error")
		if code != 0 || errs != "" || !json.Valid([]byte(out)) || !strings.HasSuffix(out, "}\n") {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
	})
	t.Run("a type without a schema is an error of usage that names the list", func(t *testing.T) {
		for _, eventType := range []string{"profile.parsing.update", "nonsense\x1b[2J"} {
			code, out, errs := runWith(t, nil, "", "schema", eventType)
			if code != 2 || out != "" || !strings.Contains(errs, "'hrbridge schema' lists them") || strings.ContainsRune(errs, '\x1b') {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
		}
	})
}
