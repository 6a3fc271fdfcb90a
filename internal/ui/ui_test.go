package ui

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The build says which sources it was made from: the same hash as in
// web/vite.config.ts.
func TestBuildIsFresh(t *testing.T) {
	paths := []string{"index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"}
	for _, dir := range []string{"public", "src"} {
		err := filepath.WalkDir(filepath.Join("web", dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				paths = append(paths, strings.TrimPrefix(filepath.ToSlash(path), "web/"))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(paths)
	h := sha256.New()
	for _, path := range paths {
		b, err := os.ReadFile(filepath.Join("web", path))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%s\x00%d\x00", path, len(b))
		h.Write(b)
	}
	built, err := os.ReadFile("dist/sources.sha256")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != strings.TrimSpace(string(built)) {
		t.Error("dist was built from other sources: run make ui, and commit dist")
	}
}

// What index.html names is there, and everything stays small.
func TestFiles(t *testing.T) {
	const most = 250 << 10
	page, err := fs.ReadFile(Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(?:src|href)="\./([^"]+)"`).FindAllSubmatch(page, -1)
	if len(named) != 3 {
		t.Errorf("index.html names %d files, want script, style and icon", len(named))
	}
	for _, m := range named {
		if _, err := fs.Stat(Files(), string(m[1])); err != nil {
			t.Error(err)
		}
	}
	if bytes.Contains(page, []byte("<style")) || regexp.MustCompile(`<script[^>]*>[^<]`).Match(page) || bytes.Contains(page, []byte(" style=")) {
		t.Error("index.html has inline script or style, which the policy forbids")
	}
	var size int64
	err = fs.WalkDir(Files(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if size > most {
		t.Errorf("the page has %d bytes, want %d at most", size, most)
	}
}

// The lock file pins contents, not places to fetch them from.
func TestLockNamesNoRegistry(t *testing.T) {
	lock, err := os.ReadFile("web/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(lock, []byte(`"resolved"`)) {
		t.Error("package-lock.json names a registry: keep web/.npmrc")
	}
	if !bytes.Contains(lock, []byte(`"integrity"`)) {
		t.Error("package-lock.json pins no contents")
	}
}
