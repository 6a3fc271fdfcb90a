package checkpoint

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// manifestName is the last element of the name of every manifest.
const manifestName = "manifest"

// DirectoryName is the directory of a checkpoint in its store. It holds the
// manifest and the files that were written for it. Ids are written with 10
// digits or more, so that names sort.
func DirectoryName(kind Kind, id int64) string { return fmt.Sprintf("%s-%010d", kind, id) }

// ManifestName is the name of the manifest of a checkpoint in its store.
func ManifestName(kind Kind, id int64) string { return DirectoryName(kind, id) + "/" + manifestName }

// FileName is the name of a file that is written for a checkpoint. The caller
// chooses rest, different for every file of that checkpoint, and different when
// a task is run again after a failure.
func FileName(kind Kind, id int64, rest string) string {
	return DirectoryName(kind, id) + "/" + rest
}

// ownerPrefix begins the names of the files that say who owns a store.
const ownerPrefix = "owner-"

func ownerName(number int64) string { return fmt.Sprintf("%s%010d", ownerPrefix, number) }

// parseOwner is the number in the name of an owner's file; false if it is none.
func parseOwner(name string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimPrefix(name, ownerPrefix), 10, 64)
	return n, err == nil && n > 0 && ownerName(n) == name
}

// ownedRest marks the rest of the name of a file with the number of an owner.
func ownedRest(number int64, rest string) string { return fmt.Sprintf("o%d-%s", number, rest) }

// ownerOf is the number in the rest of a name, 0 if there is none.
func ownerOf(rest string) int64 {
	digits, _, ok := strings.Cut(rest, "-")
	if !ok || digits[:min(1, len(digits))] != "o" {
		return 0
	}
	n, err := strconv.ParseInt(digits[1:], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// parseName takes a name apart; false if it is not that of a checkpoint.
func parseName(name string) (kind Kind, id int64, rest string, ok bool) {
	dir, rest, ok := strings.Cut(name, "/")
	if !ok || rest == "" {
		return 0, 0, "", false
	}
	for _, kind := range []Kind{Checkpoint, Savepoint} {
		digits, ok := strings.CutPrefix(dir, kind.String()+"-")
		if !ok {
			continue
		}
		id, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || DirectoryName(kind, id) != dir {
			return 0, 0, "", false
		}
		return kind, id, rest, true
	}
	return 0, 0, "", false
}

// CheckName refuses names that a store does not take: a name is relative, in
// its shortest form, of elements of ASCII letters, digits and "-_.=,", not
// beginning with a dot, at most 512 bytes long in all and 200 each.
func CheckName(name string) error {
	if name == "" || len(name) > 512 || path.Clean(name) != name || name[0] == '/' {
		return fmt.Errorf("%q is not a name of a file in a store", name)
	}
	for e := range strings.SplitSeq(name, "/") {
		if len(e) > 200 || e[0] == '.' || strings.ContainsFunc(e, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.=,", r))
		}) {
			return fmt.Errorf("%q is not a name of a file in a store", name)
		}
	}
	return nil
}
