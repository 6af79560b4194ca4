package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "hrbridge"

// rooms is the import table of the house: what each package may import of ours, tests aside. A new line or a new arrow is a
// decision, not an accident.
var rooms = map[string][]string{
	"bridge":           {"schema"},
	"bridge/signature": {},
	"bridge/ingress":   {"bridge", "bridge/signature"},
	"bridge/admin":     {"bridge"},
	"publishers": {
		"bridge", "publishers/embedded", "publishers/kafka", "publishers/nats", "publishers/spool",
	},
	// Group commit is how nats.commit: batch makes a commit; the embedded publisher is that one on a server in process.
	"publishers/nats":            {"bridge", "publishers/groupcommit"},
	"publishers/kafka":           {"bridge", "publishers/groupcommit"},
	"publishers/kafka/kafkatest": {"bridge"},
	"publishers/embedded":        {"bridge", "publishers/groupcommit", "publishers/nats"},
	// A record of the spool is a commit.
	"publishers/spool":         {"bridge", "publishers/embedded", "publishers/groupcommit"},
	"publishers/groupcommit":   {"bridge"},
	"publishers/publishertest": {"bridge"},
	"schema":                   {},
	// The options of the parts, and the closed sets (forms, types) that their values come from.
	"cmd/hrbridge/config": {
		"bridge", "bridge/ingress", "bridge/signature", "cmd/hrbridge/doctor", "publishers", "publishers/embedded", "publishers/kafka", "publishers/nats", "publishers/spool", "schema",
	},
	"cmd/kafka":           {"publishers/kafka/kafkatest"},
	"cmd/hrbridge/doctor": {"bridge"},
	// What verbs that send share: signing, posting, answers.
	"cmd/hrbridge/client": {"bridge/signature"},
	// What prove does with a bridge and a broker that it is handed.
	"cmd/hrbridge/prove": {"bridge", "bridge/signature", "cmd/hrbridge/client", "schema"},
	"cmd/hrbridge":       {"*"},
	"cmd/bench":          {"*"},
}

// outside is what some rooms may not import, directly, of what is not ours: a package, or a tree of them before "/...".
var outside = map[string][]string{
	"bridge": {
		"net/...", "os/...", "io/fs", "path/filepath", "go.uber.org/...", "github.com/labstack/...",
		"github.com/nats-io/...", "github.com/prometheus/...",
	},
	"bridge/signature":       {"net/...", "os/...", "go.uber.org/...", "github.com/..."},
	"bridge/ingress":         {"os/exec", "path/filepath", "github.com/nats-io/..."},
	"bridge/admin":           {"os/exec", "path/filepath", "github.com/nats-io/..."},
	"schema":                 {"net/...", "os/..."},
	"cmd/hrbridge":           {"github.com/nats-io/...", "github.com/labstack/..."},
	"cmd/hrbridge/doctor":    {"github.com/nats-io/...", "github.com/labstack/..."},
	"publishers":             {"net/http/...", "github.com/nats-io/..."},
	"publishers/nats":        {"net/http/...", "github.com/nats-io/nats-server/..."},
	"publishers/kafka":       {"net/http/...", "github.com/nats-io/..."},
	"publishers/groupcommit": {"net/...", "os/...", "github.com/nats-io/..."},
}

// nameless are the names of packages that hold whatever had no place.
var nameless = []string{"common", "helper", "helpers", "misc", "shared", "types", "util", "utils"}

func TestEveryPackageImportsOnlyWhatItsRoomAllows(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	for room := range rooms {
		if !slices.ContainsFunc(packages, func(p listed) bool { return p.room() == room }) && room != "cmd/bench" {
			t.Errorf("the table names %s, which does not exist", room)
		}
	}
	for _, p := range packages {
		allowed, known := rooms[p.room()]
		if !known {
			t.Errorf("%s is a room that the table does not know", p.room())
		}
		if slices.Contains(nameless, path.Base(p.ImportPath)) || slices.Contains(nameless, p.Name) {
			t.Errorf("%s: name the package after what it is for", p.room())
		}
		for _, imported := range p.Imports {
			ours, isOurs := strings.CutPrefix(imported, module+"/")
			if isOurs && !slices.Contains(allowed, "*") && !slices.Contains(allowed, ours) {
				t.Errorf("%s must not import %s", p.room(), ours)
			}
			if !isOurs && slices.ContainsFunc(outside[p.room()], func(pattern string) bool { return matches(pattern, imported) }) {
				t.Errorf("%s must not import %s", p.room(), imported)
			}
		}
	}
}

// matches tells whether an import is the pattern's package or, where it ends in "/...", one below it.
func matches(pattern, imported string) bool {
	tree, isTree := strings.CutSuffix(pattern, "/...")
	return imported == tree || isTree && strings.HasPrefix(imported, tree+"/")
}

// listed is what go list says of a package; Imports are those of its files that are no tests.
type listed struct {
	ImportPath, Name string
	Imports          []string
}

func (p listed) room() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Name,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
