package operatortest

import (
	"context"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// mutant passes integers on, but for one fault.
type mutant struct {
	fault string
	ctx   operator.Context
	out   operator.Output
	kept  *event.Records[int]
	first []int
	held  *event.Records[int]
}

func (m *mutant) Open(ctx operator.Context) error {
	m.ctx, m.out = ctx, ctx.Output(0)
	m.kept, m.held = event.NewRecords[int](1), event.NewRecords[int](1)
	return nil
}

func (m *mutant) Process(b event.Batch) error {
	in := b.(*event.Records[int])
	switch m.fault {
	case "swallows the unwinding":
		defer func() { _ = recover() }()
	case "keeps memory of the batch":
		if m.first == nil {
			m.first = in.Values[:1]
			m.held.Append(0, in.Times[0])
			in.Values, in.Times = in.Values[1:], in.Times[1:]
		}
	case "emits what it has emitted":
		m.kept.AppendRange(in, 0, in.Len())
		values, times := m.kept.Values, m.kept.Times
		m.out.Emit(m.kept)
		m.kept.Values, m.kept.Times = values[:1], times[:1]
		m.out.Emit(m.kept)
		return nil
	case "keeps records back":
		m.held.Append(in.Values[0], in.Times[0])
		in.Values, in.Times = in.Values[1:], in.Times[1:]
	case "waits for nothing":
		m.ctx.Wait()
	case "emits from outside":
		v, t := in.Values[0], in.Times[0]
		in.Values, in.Times = in.Values[1:], in.Times[1:]
		m.ctx.Go(func(context.Context) {
			m.held.Append(v, t)
			m.out.Emit(m.held)
		})
	case "loses times":
		in.Times = in.Times[:len(in.Times)-1]
	}
	m.out.Emit(b)
	return nil
}

func (m *mutant) Watermark(t event.Time) error {
	switch m.fault {
	case "runs ahead":
		t = t.Add(1)
	case "keeps watermarks":
		return nil
	case "":
		m.out.Emit(m.held)
	}
	m.ctx.Watermark(t)
	return nil
}

func (m *mutant) Finish() error {
	if m.first != nil {
		m.held.Values[0] = m.first[0]
	}
	m.out.Emit(m.held)
	return nil
}

func (m *mutant) Close() error { return nil }

// TestKitFindsFaults has an operator without a fault, and one for each fault.
func TestKitFindsFaults(t *testing.T) {
	for fault, want := range map[string]string{
		"":                          "",
		"swallows the unwinding":    "a task that was cancelled ended with",
		"keeps memory of the batch": "behind the watermark",
		"emits what it has emitted": "records, want 300",
		"keeps records back":        "behind the watermark",
		"waits for nothing":         "would never return",
		"emits from outside":        "behind the watermark",
		"loses times":               "times",
		"runs ahead":                "is passed on, but the input is at",
		"keeps watermarks":          "the last watermark was passed on as -inf",
	} {
		h := Harness[int, int]{Input: integers(), Ordered: fault == "", Want: each(same), New: func() operator.Operator { return &mutant{fault: fault} }}
		found := ""
		for _, c := range checks[int, int]() {
			for seed := range rounds() {
				if err := guarded(func() error { return c.run(h, seed) }); err != nil {
					found += c.name + ": " + err.Error() + "\n"
				}
			}
		}
		if (found == "") != (want == "") || !strings.Contains(found, want) {
			t.Errorf("an operator that %q: want %q, found %.300q", fault, want, found)
		}
	}
}
