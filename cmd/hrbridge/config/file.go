package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// DefaultFile is read where it exists and no other is named.
	DefaultFile = "hrbridge.yaml"
	// maxFile is more than any configuration needs.
	maxFile = 1 << 20
)

// readFile makes a layer of what the file says.
func (l *loader) readFile(name string, named bool) layer {
	data, err := readUpTo(name, maxFile)
	if !named && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		l.problem(Problem{Key: name, Reason: "cannot be read: " + cause(err),
			Remedy: "name a file that exists, and is yours to read, with --config"})
		l.unread = true
		return nil
	}
	f := &fileReader{loader: l, name: name, layer: make(layer), seen: make(map[string]int)}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing but comments
		return nil
	case err != nil:
		f.syntax(err)
		return nil
	}
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		f.problem(Problem{Key: name, Reason: "holds more than one document", Remedy: "leave only the first, and no --- after it"})
	}
	f.walk("", doc.Content[0])
	return f.layer
}

// fileReader turns a YAML document into a layer. It works on the nodes of the document, because they know their lines and hold
// each value as it was written.
type fileReader struct {
	*loader
	name  string
	layer layer
	seen  map[string]int // the line of each name so far
}

func (f *fileReader) origin(n *yaml.Node) string { return fmt.Sprintf("%s:%d", f.name, n.Line) }

// walk reads the node that stands at the dotted name.
func (f *fileReader) walk(name string, n *yaml.Node) {
	what := f.names.what(name)
	switch {
	case what == isUnknown:
		f.problem(Problem{Key: printable(name), Origin: f.origin(n), Reason: "is not a key of the configuration",
			Remedy: didYouMean(name, f.names.like(name), ".")})
	case what == isBadSource:
		f.problem(Problem{Key: printable(name), Origin: f.origin(n), Reason: "does not name a source well", Remedy: "use " + sourceWants})
	case !f.plain(name, n):
	case what == isKey:
		f.leaf(name, n)
	case n.Kind == yaml.MappingNode:
		f.section(name, n)
	case isNull(n):
		f.section(name, &yaml.Node{})
	case shortFor(name) != "" && n.Kind == yaml.ScalarNode:
		f.leaf(shortFor(name), n)
	default:
		f.problem(Problem{Key: sectionName(name), Origin: f.origin(n), Reason: "is a single value where a section of keys belongs",
			Remedy: "write its keys indented on the lines below it"})
	}
}

// section reads the keys of a mapping.
func (f *fileReader) section(name string, n *yaml.Node) {
	if source, _, _ := splitSource(name); source != "" {
		f.declared[source] = true
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.Anchor != "" {
			f.problem(Problem{Key: sectionName(name), Origin: f.origin(k), Reason: "has a key that is not a word",
				Remedy: "write one word before the colon"})
			continue
		}
		child := k.Value
		if name != "" {
			child = name + "." + k.Value
		}
		if line, ok := f.seen[child]; ok {
			f.problem(Problem{Key: printable(child), Origin: f.origin(k),
				Reason: fmt.Sprintf("is already given on line %d", line), Remedy: "leave one of the two"})
			continue
		}
		f.seen[child] = k.Line
		v.Line = k.Line // a value may start on a later line, and it is the key that people look for
		f.walk(child, v)
	}
}

// leaf reads the value of a key.
func (f *fileReader) leaf(name string, n *yaml.Node) {
	s := &setting{Origin: f.origin(n)}
	wrong := func(reason string) {
		k, _ := f.names.key(name)
		f.bad[name] = true
		f.problem(Problem{Key: name, Origin: f.origin(n), Reason: reason, Remedy: "use " + k.Takes})
	}
	switch {
	case isNull(n):
		wrong("has no value")
		return
	case n.Kind == yaml.ScalarNode:
		s.Items = []string{n.Value}
	case n.Kind == yaml.SequenceNode:
		s.List = true
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode || isNull(item) || !f.plain(name, item) {
				wrong("has an item that is not a single value")
				return
			}
			s.Items = append(s.Items, item.Value)
		}
	default:
		wrong("is a section of keys where a value belongs")
		return
	}
	f.layer[name] = s
}

// plain refuses what YAML has and a configuration does not need: aliases, whose text is elsewhere, and tags. A secret that
// starts with *, & or ! and has no quotes looks like one of them, so the text is not repeated.
func (f *fileReader) plain(name string, n *yaml.Node) bool {
	if n.Kind != yaml.AliasNode && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0 {
		return true
	}
	f.bad[name] = true
	f.problem(Problem{Key: sectionName(name), Origin: f.origin(n), Reason: "is a YAML alias, anchor or tag",
		Remedy: "put a value that starts with *, & or ! in quotes"})
	return false
}

// yamlLine is where the parser says that a mistake is.
var yamlLine = regexp.MustCompile(`line \d+`)

// syntax reports that the document is not YAML. The parser's own words may repeat the file's, and so a secret: only the line
// is taken from them.
func (f *fileReader) syntax(err error) {
	p := Problem{Key: f.name, Reason: "is not YAML", Remedy: "look at the indentation, and put values with special characters in quotes"}
	if line := yamlLine.FindString(err.Error()); line != "" {
		p.Origin, p.Reason = line, "is not YAML, there or on the line before"
	}
	f.problem(p)
	f.unread = true
}

func isNull(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Style != 0 || n.Anchor != "" {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

func sectionName(name string) string {
	if name == "" {
		return "the file"
	}
	return printable(name)
}

// printable is a name from outside, made fit for one line.
func printable(name string) string {
	quoted := fmt.Sprintf("%q", name)
	if plain := strings.Trim(quoted, `"`); plain == name && name != "" && !strings.Contains(name, " ") {
		return clip(name)
	}
	return clip(quoted)
}

// readUpTo reads a file that is not larger than limit bytes.
func readUpTo(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("it is larger than %s", formatSize(limit))
	}
	return data, nil
}

// cause is why a file could not be read, without its name, which stands beside it already.
func cause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}
