package archtest

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
)

// MaxLines is the length of the longest file of Go that people wrote.
const MaxLines = 600

// CheckLength finds files that hold more than one concept, by their length.
func CheckLength(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Go {
		if n := bytes.Count(f.Source, []byte("\n")); n > MaxLines && !f.Generated {
			out = append(out, Problem{Path: f.Path, Text: fmt.Sprintf("has %d lines, more than %d; one concept a file", n, MaxLines)})
		}
	}
	return out
}

// machinePath matches absolute paths that exist on one machine only: home
// directories, the usual places of checkouts and build agents, and module
// caches. A path within a URL or a longer path does not match.
var machinePath = regexp.MustCompile("(?m)(?:^|[\\s\"'`=(\\[<,;])" +
	`((?:file://)?(?:/(?:home|Users|root|work|workspace|workspaces|builds)/[\w.-]+|[A-Za-z]:\\Users\\\w+)|[\w/.~-]*/go/pkg/mod/\S*)`)

// CheckMachinePaths finds paths of somebody's machine in any file.
func CheckMachinePaths(t *Tree) []Problem {
	var out []Problem
	for _, f := range slices.Concat(t.Go, t.Text) {
		for _, m := range machinePath.FindAllSubmatchIndex(f.Source, -1) {
			out = append(out, Problem{
				Path: f.Path, Line: 1 + bytes.Count(f.Source[:m[2]], []byte("\n")),
				Text: fmt.Sprintf("names %s, a path of one machine; make it relative", f.Source[m[2]:m[3]]),
			})
		}
	}
	return out
}
