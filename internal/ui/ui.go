// Package ui holds the web page of a running job: files to be served as they are.
// They are built from the sources in web by "make ui" and committed, so that Go
// alone builds a program with the page in it. The page asks the server that it came
// from, by relative paths below api/v1, and nobody else; it needs no inline script
// or style.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed dist/index.html dist/page.js dist/page.css dist/icon.svg dist/licences.txt
var built embed.FS

// Files are index.html and what it loads, at their root. They never change.
func Files() fs.FS {
	files, err := fs.Sub(built, "dist")
	if err != nil { // only for a name that is not valid
		panic(err)
	}
	return files
}
