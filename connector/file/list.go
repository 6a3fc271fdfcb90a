package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stdio is the path of standard input and output.
const stdio = "-"

// list returns the files that paths name, sorted and each once: a file itself,
// the files of a directory (not those of its directories), the matches of a
// glob. Names that begin with a dot count only when they are spelt out.
func list(paths []string) ([]string, error) {
	var files []string
	for _, p := range paths {
		if p == stdio {
			if len(paths) > 1 {
				return nil, errors.New("file: standard input (-) cannot be read together with files")
			}
			return []string{stdio}, nil
		}
		found, err := expand(p)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

func expand(p string) ([]string, error) {
	if p == "" {
		return nil, errors.New("file: the path is empty")
	}
	info, err := os.Stat(p)
	switch {
	case err == nil && info.IsDir():
		return directory(p)
	case err == nil:
		return []string{p}, nil
	case !errors.Is(err, fs.ErrNotExist) || !strings.ContainsAny(p, "*?["):
		return nil, fmt.Errorf("file: %w", err)
	}
	matches, err := filepath.Glob(p)
	if err != nil {
		return nil, fmt.Errorf("file %s: the pattern is malformed", p)
	}
	var files []string
	for _, m := range matches {
		if hidden(m) {
			continue
		}
		if info, err := os.Stat(m); err == nil && !info.IsDir() {
			files = append(files, m)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("file %s: no file matches", p)
	}
	return files, nil
}

func directory(p string) ([]string, error) {
	entries, err := os.ReadDir(p)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	var files []string
	for _, e := range entries {
		name := filepath.Join(p, e.Name())
		if hidden(name) {
			continue
		}
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("file %s: the directory has no files", p)
	}
	return files, nil
}

func hidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }
