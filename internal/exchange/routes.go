package exchange

// routes divides the records of one batch among destinations: for each, the
// list of indexes of its records, ascending.
type routes struct {
	sel   []int32 // the destination of each record
	index []int32 // the indexes, destination by destination
	ends  []int32 // of each destination in index
	turn  int32
}

func (r *routes) init(destinations int) { r.ends = make([]int32, destinations) }

// reset makes room for n records, and up to most later.
func (r *routes) reset(n, most int) {
	if cap(r.sel) < n {
		r.sel, r.index = make([]int32, max(n, most)), make([]int32, max(n, most))
	}
	r.sel, r.index = r.sel[:n], r.index[:n]
}

// to is the list of destination d.
func (r *routes) to(d int) []int32 {
	from := int32(0)
	if d > 0 {
		from = r.ends[d-1]
	}
	return r.index[from:r.ends[d]]
}

// byHash divides by key group: the upper bits of the hash.
func (r *routes) byHash(hashes []uint64) {
	if len(r.ends) == 2 {
		r.halve(hashes)
		return
	}
	p := uint64(len(r.ends))
	sel := r.sel[:len(hashes)]
	for i, h := range hashes {
		sel[i] = int32((h >> 57) * p >> 7)
	}
	r.sort()
}

// halve is byHash for two destinations, without a second pass and without a
// branch: every index is written to both lists, which grow towards each other,
// and stays in one.
func (r *routes) halve(hashes []uint64) {
	first, second := r.index, r.sel[:len(r.index)]
	upper := 0
	for i, h := range hashes {
		first[i-upper] = int32(i)
		second[upper] = int32(i)
		upper += int(h >> 63)
	}
	lower := len(hashes) - upper
	copy(first[lower:], second[:upper])
	r.ends[0], r.ends[1] = int32(lower), int32(len(hashes))
}

// inTurn deals the records out.
func (r *routes) inTurn() {
	t, p := r.turn, int32(len(r.ends))
	for i := range r.sel {
		r.sel[i] = t
		if t++; t == p {
			t = 0
		}
	}
	r.turn = t
	r.sort()
}

// sort makes the lists from sel.
func (r *routes) sort() {
	clear(r.ends)
	for _, d := range r.sel {
		r.ends[d]++
	}
	at := int32(0)
	for d, n := range r.ends {
		r.ends[d] = at
		at += n
	}
	for i, d := range r.sel {
		r.index[r.ends[d]] = int32(i)
		r.ends[d]++
	}
}
