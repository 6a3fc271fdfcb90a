// Package bucket keeps the checkpoints of jobs in buckets: S3, Google Cloud
// Storage, Azure Blob Storage, and whatever else gocloud.dev/blob has a driver
// for. Import the driver too, which knows how to find credentials:
//
//	import _ "gocloud.dev/blob/s3blob" // or gcsblob, azureblob
//
//	store, err := bucket.Open(ctx, "s3://my-bucket/jobs/clicks?region=eu-central-1")
//	...
//	defer store.Close()
//	j := afflux.NewJob("clicks", afflux.CheckpointsIn(store))
//
// It is a package of its own since a driver makes programs larger by tens of
// megabytes. The service must have conditional writes, which all three have.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/checkpoint/bucket"
	"gocloud.dev/blob"
)

// Store keeps checkpoints in a bucket: it is an afflux.CheckpointStore. Any
// goroutine may use it.
type Store struct {
	checkpoint.Store
	name   string
	bucket *blob.Bucket // to be closed, nil if it is the caller's
}

// Open opens a bucket by its URL, which is that of gocloud.dev/blob, with a path
// within the bucket for the job: each job needs one of its own. It tries whether
// the bucket can be reached. The caller closes the store when the job has ended.
// A directory of the file system is for afflux.Checkpoints: file URLs are
// refused, since that driver does not sync what it writes.
func Open(ctx context.Context, address string) (*Store, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("checkpoints in a bucket: %w", err)
	}
	name := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}).String()
	switch {
	case u.Scheme == "":
		return nil, fmt.Errorf("checkpoints in %q: that is no URL of a bucket, like s3://bucket/path; for a directory use afflux.Checkpoints", address)
	case u.Scheme == "file":
		return nil, fmt.Errorf("checkpoints in %s: for a directory use afflux.Checkpoints", name)
	case !blob.DefaultURLMux().ValidBucketScheme(u.Scheme):
		return nil, fmt.Errorf("checkpoints in %s: the program has no driver for %s: import one, like _ \"gocloud.dev/blob/s3blob\"", name, u.Scheme)
	}
	b, err := blob.OpenBucket(ctx, withPrefix(u).String())
	if err != nil {
		return nil, fmt.Errorf("checkpoints in %s: %w", name, err)
	}
	ok, err := b.IsAccessible(ctx)
	if err == nil && !ok {
		err = errors.New("there is no such bucket, or it cannot be reached with these credentials")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("checkpoints in %s: %w", name, err), b.Close())
	}
	return &Store{Store: bucket.New(b), name: name, bucket: b}, nil
}

// withPrefix turns the path of a URL into the prefix that gocloud.dev knows.
func withPrefix(u *url.URL) *url.URL {
	path := strings.Trim(u.Path, "/")
	if path == "" {
		return u
	}
	v := *u
	v.Path, v.RawPath = "", ""
	q := v.Query()
	q.Set("prefix", q.Get("prefix")+path+"/")
	v.RawQuery = q.Encode()
	return &v
}

// New uses a bucket that is open, which stays the caller's to close after the job
// has ended; blob.PrefixedBucket makes one of a part of it. The name is for
// messages and for what a savepoint says of its place.
func New(b *blob.Bucket, name string) *Store { return &Store{Store: bucket.New(b), name: name} }

// String is the URL without credentials and options, or the name given to New.
func (s *Store) String() string { return s.name }

// Close releases what Open took. The store must not be used after it.
func (s *Store) Close() error {
	if s.bucket == nil {
		return nil
	}
	return s.bucket.Close()
}
