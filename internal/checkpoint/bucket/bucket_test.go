package bucket_test

import (
	"testing"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/checkpoint/bucket"
	"github.com/affluxdev/afflux/internal/checkpoint/storetest"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
)

func TestBuckets(t *testing.T) {
	file := func(t *testing.T) *blob.Bucket {
		b, err := fileblob.OpenBucket(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, open := range map[string]func(*testing.T) *blob.Bucket{
		"memory": func(*testing.T) *blob.Bucket { return memblob.OpenBucket(nil) },
		"file":   file,
		"prefix": func(t *testing.T) *blob.Bucket { return blob.PrefixedBucket(file(t), "jobs/orders/") },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) checkpoint.Store {
				b := open(t)
				t.Cleanup(func() {
					if err := b.Close(); err != nil {
						t.Error(err)
					}
				})
				return bucket.New(b)
			})
		})
	}
	b := memblob.OpenBucket(nil)
	storetest.Exclusive(t, bucket.New(b))
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
