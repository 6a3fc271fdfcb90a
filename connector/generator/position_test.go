package generator_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/event"
)

// TestScheduleGoesOn recovers a generator in the middle of a profile, at the same
// parallelism and at another: each record keeps the time at which it was due, and
// the schedule does not begin anew.
func TestScheduleGoesOn(t *testing.T) {
	for _, p := range profiles(t) {
		now := time.Unix(1000, 0)
		src := generator.Source(fill, generator.Rate(p), generator.For(3*time.Second), generator.Clock(func() time.Time { return now }))
		open := func(parallelism int, resume *connector.Resume) (all []connector.Reader[tick]) {
			for i := range parallelism {
				r, err := src.Open(context.Background(), connector.Subtask{Index: i, Parallelism: parallelism, Resume: resume})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, r)
			}
			return all
		}
		due := map[int64]event.Time{}
		poll := func(readers []connector.Reader[tick]) {
			for _, r := range readers {
				b := event.NewRecords[tick](0)
				if _, err := r.Poll(b, connector.Limit{Records: 1 << 20, Bytes: 1 << 30}); err != nil {
					t.Fatal(err)
				}
				for i, v := range b.Values {
					if _, ok := due[v.I]; ok {
						t.Fatalf("%v: record %d came twice", p, v.I)
					}
					due[v.I] = b.Times[i]
				}
			}
		}
		positions := func(readers []connector.Reader[tick]) *connector.Resume {
			resume := &connector.Resume{}
			for _, r := range readers {
				splits, err := r.(connector.Positioned).Positions()
				if err != nil {
					t.Fatal(err)
				}
				resume.Splits = append(resume.Splits, splits...)
			}
			return resume
		}
		readers := open(2, nil)
		poll(readers)
		for _, parallelism := range []int{2, 3, 1} {
			now = now.Add(700 * time.Millisecond)
			poll(readers)
			readers = open(parallelism, positions(readers))
		}
		now = now.Add(time.Minute)
		poll(readers)

		now = time.Unix(1000, 0)
		whole := due
		due = map[int64]event.Time{}
		readers = open(1, nil)
		poll(readers)
		now = now.Add(time.Minute)
		poll(readers)
		if len(due) != len(whole) {
			t.Fatalf("%v: got %d records, want %d", p, len(whole), len(due))
		}
		for i, at := range due {
			if whole[i] != at {
				t.Errorf("%v: record %d is due at %v, want %v", p, i, whole[i], at)
			}
		}
	}
}

func TestResumeRefusesDamage(t *testing.T) {
	src := generator.Source(fill, generator.Count(10))
	r, err := src.Open(context.Background(), connector.Subtask{Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	splits, err := r.(connector.Positioned).Positions()
	if err != nil {
		t.Fatal(err)
	}
	for cut := range splits[0].Position {
		bad := slices.Clone(splits)
		bad[0].Position = bad[0].Position[:cut]
		if _, err := src.Open(context.Background(), connector.Subtask{Parallelism: 1, Resume: &connector.Resume{Splits: bad}}); err == nil {
			t.Errorf("a position cut off after %d bytes is accepted", cut)
		}
	}
}
