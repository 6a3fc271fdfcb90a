package connector

import (
	"context"

	"github.com/affluxdev/afflux/event"
)

// SourceDriver is a Source whose record type is forgotten: what the runtime
// sees. Only DriveSource makes one.
type SourceDriver interface {
	Describe() Description
	Type() event.Type
	Open(ctx context.Context, sub Subtask) (ReaderDriver, error)
}

// ReaderDriver is the erased form of a Reader. Unwrap gives the Reader, to
// look for its optional interfaces.
type ReaderDriver interface {
	Poll(dst event.Batch, limit Limit) (Status, error)
	Close() error
	Unwrap() any
}

// SinkDriver is a Sink whose record type is forgotten. Unwrap gives the Sink, to
// look for its optional interfaces.
type SinkDriver interface {
	Describe() Description
	Type() event.Type
	Open(ctx context.Context, sub Subtask) (WriterDriver, error)
	Unwrap() any
}

// WriterDriver is the erased form of a Writer.
type WriterDriver interface {
	Write(b event.Batch, from int) (int, error)
	Flush(ctx context.Context) error
	Close() error
	Unwrap() any
}

// DriveSource erases the record type of a source.
func DriveSource[T any](s Source[T]) SourceDriver { return sourceDriver[T]{s} }

// DriveSink erases the record type of a sink.
func DriveSink[T any](s Sink[T]) SinkDriver { return sinkDriver[T]{s} }

type sourceDriver[T any] struct{ s Source[T] }

func (d sourceDriver[T]) Describe() Description { return d.s.Describe() }
func (d sourceDriver[T]) Type() event.Type      { return event.TypeOf[T]() }
func (d sourceDriver[T]) Open(ctx context.Context, sub Subtask) (ReaderDriver, error) {
	r, err := d.s.Open(ctx, sub)
	if err != nil {
		return nil, err
	}
	return readerDriver[T]{r}, nil
}

type readerDriver[T any] struct{ r Reader[T] }

func (d readerDriver[T]) Poll(dst event.Batch, limit Limit) (Status, error) {
	return d.r.Poll(dst.(*event.Records[T]), limit)
}
func (d readerDriver[T]) Close() error { return d.r.Close() }
func (d readerDriver[T]) Unwrap() any  { return d.r }

type sinkDriver[T any] struct{ s Sink[T] }

func (d sinkDriver[T]) Describe() Description { return d.s.Describe() }
func (d sinkDriver[T]) Type() event.Type      { return event.TypeOf[T]() }
func (d sinkDriver[T]) Unwrap() any           { return d.s }
func (d sinkDriver[T]) Open(ctx context.Context, sub Subtask) (WriterDriver, error) {
	w, err := d.s.Open(ctx, sub)
	if err != nil {
		return nil, err
	}
	return writerDriver[T]{w}, nil
}

type writerDriver[T any] struct{ w Writer[T] }

func (d writerDriver[T]) Write(b event.Batch, from int) (int, error) {
	return d.w.Write(b.(*event.Records[T]), from)
}
func (d writerDriver[T]) Flush(ctx context.Context) error { return d.w.Flush(ctx) }
func (d writerDriver[T]) Close() error                    { return d.w.Close() }
func (d writerDriver[T]) Unwrap() any                     { return d.w }
