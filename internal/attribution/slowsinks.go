package main

import (
	"context"
	"sync"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// endpoint is a sink that posts records to a service, some at a time.
type endpoint struct {
	to *service
	// waits tells that Write waits for the answer, as simple writers do. Others
	// take nothing meanwhile, and wake the engine.
	waits bool
	// before each record is taken; nil for nothing.
	encode func()
}

// atATime is the most records of a request.
const atATime = 10

func posting(b *builder, _ string) connector.Sink[Record] {
	return endpoint{to: b.outside(slowRequests), waits: true}
}

func pressing(b *builder, _ string) connector.Sink[Record] {
	return endpoint{to: b.outside(slowRequests)}
}

// slowRequests makes a service too slow for one request at a time.
func slowRequests(b *builder, s *service) { s.delay.Store(atATime * int64(b.tooLong())) }

// encoding is a sink whose own work is too much.
func encoding(b *builder, _ string) connector.Sink[Record] {
	return endpoint{encode: spins(b)}
}

// Describe implements connector.Sink.
func (e endpoint) Describe() connector.Description {
	return connector.Description{Kind: "http", Target: "ledger"}
}

// Open implements connector.Sink.
func (e endpoint) Open(_ context.Context, sub connector.Subtask) (connector.Writer[Record], error) {
	ctx, cancel := context.WithCancel(context.Background())
	return &poster{endpoint: e, sub: sub, ctx: ctx, cancel: cancel}, nil
}

type poster struct {
	endpoint
	sub    connector.Subtask
	ctx    context.Context
	cancel func()
	wg     sync.WaitGroup

	mu   sync.Mutex
	busy bool
	err  error
}

// Write implements connector.Writer.
func (p *poster) Write(b *event.Records[Record], from int) (int, error) {
	if p.to == nil {
		for range b.Len() - from {
			p.encode()
		}
		return b.Len() - from, nil
	}
	n := min(b.Len()-from, atATime)
	seq := b.Values[from].Seq
	if p.waits {
		for at := from; at < b.Len(); at += atATime {
			if err := p.to.ask(p.ctx, seq); err != nil {
				return 0, err
			}
		}
		return b.Len() - from, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy || p.err != nil {
		return 0, p.err
	}
	p.busy = true
	p.wg.Go(func() {
		err := p.to.ask(p.ctx, seq)
		p.mu.Lock()
		p.busy, p.err = false, err
		p.mu.Unlock()
		p.sub.Wake()
	})
	return n, nil
}

// Flush implements connector.Writer.
func (p *poster) Flush(context.Context) error {
	p.wg.Wait()
	return nil
}

// Close implements connector.Writer.
func (p *poster) Close() error {
	p.cancel()
	p.wg.Wait()
	return nil
}
