package api

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// pagePolicy allows the page to use what this server has, and nothing else: no
// inline script or style, no other host.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// maxPageBytes bounds the files of the page, all together.
const maxPageBytes = 16 << 20

// indexFile is served as /.
const indexFile = "index.html"

// page serves the files of the web page from memory.
type page struct{ files map[string]*pageFile } // by URL path

// pageFile is one file of the page.
type pageFile struct {
	kind  string
	etag  string
	plain []byte
	// squeezed is what gzip makes of it, nil where that would not be shorter.
	squeezed func() []byte
}

// newPage reads the files of a page.
func newPage(files fs.FS) (*page, error) {
	p := &page{files: map[string]*pageFile{}}
	left := maxPageBytes
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := files.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		text, err := io.ReadAll(io.LimitReader(file, int64(left)+1))
		if err != nil {
			return fmt.Errorf("the page's %s cannot be read: %w", name, err)
		}
		if left -= len(text); left < 0 {
			return fmt.Errorf("the page has more than %d bytes with %s", maxPageBytes, name)
		}
		at := "/" + name
		if name == indexFile {
			at = "/"
		}
		p.files[at] = newPageFile(name, text)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if p.files["/"] == nil {
		return nil, fmt.Errorf("the page has no %s: it was not built", indexFile)
	}
	return p, nil
}

// contentTypes by the ends of names. The table of the system may not have them, or
// have them wrong.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
	"":      "application/octet-stream",
}

func newPageFile(name string, text []byte) *pageFile {
	extension := path.Ext(name)
	f := &pageFile{kind: cmp.Or(contentTypes[extension], mime.TypeByExtension(extension)), plain: text}
	sum := sha256.Sum256(text)
	f.etag = hex.EncodeToString(sum[:12])
	f.squeezed = sync.OnceValue(func() []byte {
		if len(text) < 512 {
			return nil
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(text) // memory takes it
		if z.Close() != nil || b.Len() >= len(text)*9/10 {
			return nil
		}
		return b.Bytes()
	})
	return f
}

// serve answers for a file of the page, and tells whether there is one.
func (p *page) serve(w http.ResponseWriter, r *http.Request) bool {
	f := p.files[r.URL.Path]
	if f == nil {
		return false
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-cache") // ask each time whether it is new
	h.Set("Vary", "Accept-Encoding")
	body, etag := f.plain, `"`+f.etag+`"`
	if accepts(r.Header.Get("Accept-Encoding"), "gzip") {
		if z := f.squeezed(); z != nil {
			body, etag = z, `"`+f.etag+`-gz"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
	return true
}

// matches tells whether a list of entity tags has one.
func matches(list, etag string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == etag || t == "*" {
			return true
		}
	}
	return false
}

// accepts tells whether a list of encodings has one, and not with quality 0.
func accepts(list, encoding string) bool {
	for e := range strings.SplitSeq(list, ",") {
		name, rest, _ := strings.Cut(e, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		q, found := strings.CutPrefix(strings.TrimSpace(strings.ToLower(rest)), "q=")
		if !found {
			return true
		}
		quality, err := strconv.ParseFloat(q, 64)
		return err == nil && quality > 0
	}
	return false
}
