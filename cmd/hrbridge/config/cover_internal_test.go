package config

import (
	"reflect"
	"slices"
	"testing"

	"github.com/knadh/koanf/v2"

	"hrbridge/bridge"
	"hrbridge/bridge/ingress"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/nats"
	"hrbridge/publishers/spool"
)

// notKeys are the fields of the parts' options that no key sets, each with its reason.
var notKeys = map[string]string{
	"ingress.Sources":          "has keys of its own",
	"ingress.KnownTypes":       "is the catalogue",
	"fanout.Known":             "is the catalogue",
	"nats.Name":                "is the program's name",
	"nats.InProcess":           "is a connection",
	"nats.Trust":               "is a function",
	"nats.Log":                 "is a part",
	"nats.Metrics":             "is a part",
	"nats.Stream.Subjects":     "follows from the topics",
	"kafka.Topics.Names":       "follows from the topics",
	"kafka.Log":                "is a part",
	"kafka.Metrics":            "is a part",
	"embedded.Log":             "is a part",
	"embedded.Metrics":         "is a part",
	"embedded.DiskInterval":    "nobody has a reason to change it",
	"spool.Log":                "is a part",
	"spool.Metrics":            "is a part",
	"spool.DiskInterval":       "nobody has a reason to change it",
	"embedded.Stream.Subjects": "follows from the topics",
}

// It works from inside, because some settings contradict one another and cannot be loaded together.
func TestEveryFieldOfThePartsOptionsHasAKey(t *testing.T) {
	t.Parallel()
	s := defaults()
	for _, k := range s.table() {
		if !change(k) {
			t.Errorf("%s takes none of the values that the test knows", k.Name)
		}
	}
	c := newConfig(&loader{settings: s, keys: s.table(), merged: koanf.New(".")})
	for _, part := range []struct {
		name             string
		changed, initial any
	}{
		{"ingress", c.Ingress(), ingress.Defaults()},
		{"fanout", c.Fanout(), bridge.DefaultFanoutOptions()},
		{"nats", c.nats(), nats.Defaults()},
		{"embedded", c.embedded(), embedded.Defaults()},
		{"kafka", c.kafka(), kafka.Defaults()},
		{"spool", c.spool(), spool.Defaults()},
	} {
		unchanged(part.name, reflect.ValueOf(part.changed), reflect.ValueOf(part.initial), func(field string) {
			if notKeys[field] == "" {
				t.Errorf("no key sets %s", field)
			}
		})
	}
}

func TestEveryFieldOfASourceHasAKey(t *testing.T) {
	t.Parallel()
	s := newSource("ats")
	for _, k := range s.table() {
		if !change(k) {
			t.Errorf("%s takes none of the values that the test knows", k.Name)
		}
	}
	initial := newSource(DefaultSource).options()
	unchanged("source", reflect.ValueOf(s.options()), reflect.ValueOf(initial), func(field string) { t.Errorf("no key sets %s", field) })
}

// change gives the key a value that it did not have.
func change(k Key) bool {
	before := k.value.get()
	for _, candidate := range []string{
		"x", "3", "true", "false", "7s", "1MiB", "2MiB", "off", "a.", "127.0.0.1:9", "nats://x", "https://x", "nats", "batch", "gzip", "plain", "console", "debug", "reject", "body-hex",
	} {
		if k.value.set([]string{candidate}) == nil && !slices.Equal(k.value.get(), before) {
			return true
		}
	}
	return false
}

// unchanged reports the fields, of fields too, that are the same in both.
func unchanged(name string, a, b reflect.Value, report func(field string)) {
	if a.Kind() == reflect.Struct {
		for i := range a.NumField() {
			unchanged(name+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i), report)
		}
		return
	}
	if reflect.DeepEqual(a.Interface(), b.Interface()) {
		report(name)
	}
}

func TestNoTwoKeysShareAName(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, k := range Keys() {
		for _, name := range []string{k.Name, k.Env, "--" + k.Flag} {
			if seen[name] && name != "--" {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
		if fromKubernetes(k.Env, "") {
			t.Errorf("%s would be taken for a variable of Kubernetes", k.Env)
		}
		if k.Help == "" || k.Takes == "" {
			t.Errorf("%s is not explained", k.Name)
		}
	}
}

func TestEveryDefaultIsWithinItsBounds(t *testing.T) {
	t.Parallel()
	for _, k := range defaults().table() {
		if err := k.value.set(k.value.get()); err != nil {
			t.Errorf("%s: the default %q %v", k.Name, k.Default, err)
		}
	}
}

func TestSlipsAreCounted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"listn", "listen", 1}, {"kitten", "sitting", 3}, {"abc", "abc", 0}} {
		if got := slips(row.a, row.b); got != row.want {
			t.Errorf("%q and %q: got %d, want %d", row.a, row.b, got, row.want)
		}
	}
}
