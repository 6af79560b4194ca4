package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.." // of the house

// testsOfTheHouse are the names of all test functions, and what is quoted in test code: the names of sub-tests.
func testsOfTheHouse(t *testing.T) (functions map[string]bool, quoted string) {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	functions = map[string]bool{}
	var suite strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		inSuite := strings.Contains(path, "publishertest")
		if !inSuite && !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range function.FindAllSubmatch(text, -1) {
			functions[string(m[1])] = true
		}
		if inSuite {
			suite.Write(text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return functions, suite.String()
}

func TestEveryGuaranteeNamesTestsThatThereAre(t *testing.T) {
	t.Parallel()
	text := string(must(os.ReadFile(filepath.Join(root, "docs", "guarantees.md")))(t))
	functions, suite := testsOfTheHouse(t)
	code := regexp.MustCompile("`([^`]+)`")
	for _, name := range regexp.MustCompile("`(Test[A-Z]\\w*)`").FindAllStringSubmatch(text, -1) {
		if !functions[name[1]] {
			t.Errorf("there is no test %s", name[1])
		}
	}
	rows, inTests := 0, false
	for line := range strings.Lines(text) {
		switch {
		case !strings.HasPrefix(line, "|"):
			inTests = false
		case strings.HasPrefix(line, "| statement | tests |"):
			inTests = true
		case inTests && !strings.HasPrefix(line, "| ---"):
			rows++
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			names := code.FindAllStringSubmatch(cells[len(cells)-1], -1)
			if len(names) == 0 {
				t.Errorf("no test: %s", line)
			}
			for _, m := range names {
				if name := m[1]; !functions[name] && !strings.Contains(suite, `"`+name+`"`) {
					t.Errorf("there is no test %s: %s", name, line)
				}
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d statements are tested; want those of the whole document", rows)
	}
}
