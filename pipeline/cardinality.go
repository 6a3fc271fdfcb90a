package pipeline

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/axiomhq/hyperloglog"
	"github.com/zeebo/xxh3"
)

// exactDistinct is the number of different values up to which they are counted
// exactly; beyond it the count is an estimate with a standard error of 0.8 %.
const exactDistinct = 1024

// cardinality counts different values. It holds 64-bit hashes of them, at most
// exactDistinct, and a sketch of 16 KiB beyond.
type cardinality struct {
	exact  map[uint64]struct{}
	sketch *hyperloglog.Sketch
}

func (c *cardinality) add(v any) { c.addHash(hashOf(v)) }

func (c *cardinality) addHash(h uint64) {
	if c.sketch != nil {
		c.sketch.InsertHash(h)
		return
	}
	if c.exact == nil {
		c.exact = make(map[uint64]struct{}, 4)
	}
	c.exact[h] = struct{}{}
	if len(c.exact) > exactDistinct {
		c.estimate()
	}
}

// estimate goes over from the exact set to the sketch.
func (c *cardinality) estimate() {
	c.sketch = hyperloglog.New14()
	for h := range c.exact {
		c.sketch.InsertHash(h)
	}
	c.exact = nil
}

func (c *cardinality) merge(o *cardinality) error {
	if o.sketch == nil {
		for h := range o.exact {
			c.addHash(h)
		}
		return nil
	}
	if c.sketch == nil {
		c.estimate()
	}
	return c.sketch.Merge(o.sketch)
}

func (c *cardinality) count() int {
	if c.sketch != nil {
		return int(c.sketch.Estimate())
	}
	return len(c.exact)
}

// hashOf is a hash of a value and its type.
func hashOf(v any) uint64 {
	var b [9]byte
	number := func(tag byte, n uint64) uint64 {
		b[0] = tag
		binary.LittleEndian.PutUint64(b[1:], n)
		return xxh3.Hash(b[:])
	}
	switch v := v.(type) {
	case string:
		return xxh3.HashString(v)
	case int:
		return number(1, uint64(v))
	case float64:
		if v == 0 {
			v = 0 // minus zero is zero
		}
		return number(2, math.Float64bits(v))
	case bool:
		if v {
			return number(3, 1)
		}
		return number(3, 0)
	case time.Time:
		return number(4, uint64(v.UnixNano()))
	case time.Duration:
		return number(5, uint64(v))
	}
	text, err := jsonText(v)
	if err != nil {
		return 0
	}
	return xxh3.HashString("j" + text)
}
