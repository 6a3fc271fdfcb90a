package pipeline

import (
	"errors"
	"math"

	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// quantileAccuracy is the relative error of quantiles.
const quantileAccuracy = 0.01

// maxBuckets bounds the memory of one quantile sketch: the lowest values share
// a bucket beyond that.
const maxBuckets = 2048

// buckets says which values share a bucket.
var buckets = func() *mapping.LogarithmicMapping {
	m, err := mapping.NewLogarithmicMapping(quantileAccuracy)
	if err != nil {
		panic(err) // the accuracy is a constant
	}
	return m
}()

// sketch counts numbers in buckets, as DDSketch does (Masson, Rim and Lee 2019).
// It holds nothing but counts, so that it can be part of a checkpoint.
type sketch struct {
	positive, negative *store.CollapsingLowestDenseStore
	zero               float64
}

func newSketch() *sketch {
	return &sketch{positive: store.NewCollapsingLowestDenseStore(maxBuckets), negative: store.NewCollapsingLowestDenseStore(maxBuckets)}
}

// add refuses what has no bucket: no number, or one too large.
func (s *sketch) add(x float64) error {
	switch size := math.Abs(x); {
	case math.IsNaN(x):
		return errors.New("it is not a number")
	case size > buckets.MaxIndexableValue():
		return errors.New("it is too large")
	case size <= buckets.MinIndexableValue():
		s.zero++
	case x > 0:
		s.positive.Add(buckets.Index(x))
	default:
		s.negative.Add(buckets.Index(-x))
	}
	return nil
}

// merge adds what other holds. They share no memory afterwards.
func (s *sketch) merge(other *sketch) {
	s.positive.MergeWith(other.positive)
	s.negative.MergeWith(other.negative)
	s.zero += other.zero
}

// quantile must not be called before a number was added.
func (s *sketch) quantile(q float64) float64 {
	below := s.negative.TotalCount()
	// The conversion keeps compilers from fusing the operations below: results
	// are the same on every processor.
	rank := float64(q * (below + s.zero + s.positive.TotalCount() - 1))
	switch {
	case rank < below:
		return -buckets.Value(s.negative.KeyAtRank(below - 1 - rank))
	case rank < below+s.zero:
		return 0
	}
	return buckets.Value(s.positive.KeyAtRank(rank - s.zero - below))
}
