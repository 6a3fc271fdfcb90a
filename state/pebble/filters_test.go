package pebble

import (
	"encoding/binary"
	"testing"
)

// TestFiltersFit checks that the filters of the last level are used for keys that are
// new, as long as all of them stay in the cache.
func TestFiltersFit(t *testing.T) {
	k := openSmall(t)
	missing := make([][]byte, 256)
	look := func() {
		for i := range missing {
			missing[i] = binary.BigEndian.AppendUint32(nil, uint32(2*i+1))
		}
		for range 2 * tidyEvery / len(missing) {
			if err := k.GetSorted(missing, func(int, []byte) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	written := 0
	write := func(n int) {
		for ; written < n; written++ {
			if err := k.Set(binary.BigEndian.AppendUint32(nil, uint32(2*written)), []byte{1}); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.apply(); err != nil {
			t.Fatal(err)
		}
		if err := k.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	fits := int(k.d.cache() / 2 * 8 / filterBits)
	write(fits / 2)
	if look(); !k.readers.filters {
		t.Error("new keys are not looked for in filters that fit into the cache")
	}
	write(fits * 3)
	if look(); k.readers.filters {
		t.Error("new keys are looked for in filters that do not fit into the cache")
	}
}
