# The version of Go comes from go.mod; an older go command fetches it.
export GOTOOLCHAIN := auto

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# make sim SEEDS=1000, make sim SEED=42, make fuzz FUZZTIME=1m,
# make kill ROUNDS=100 BROKER=kafka
SEEDS    ?= 200
ROUNDS   ?= 20
BROKER   ?= embedded
FUZZTIME ?= 10s

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench nexmark fuzz fmt sim kill spec ui screenshots dashboards attribution

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## watch a pipeline survive a tenfold spike
	go run ./cmd/afflux demo

# Where the race detector has nothing to see: what has one goroutine, and whole
# programs, whose concurrent packages are tested themselves.
ALONE := ./internal/simtest ./operator/operatortest ./state/paged ./state/pebble
WHOLE := ./internal/ui/uitest ./deploy/check ./internal/attribution ./internal/kill ./internal/archtest ./pipeline ./cmd/... ./examples/...

# Those that take longest: the types of the tests of the one are much to compile, and
# those of the other wait for brokers.
LONG := . ./connector/kafka

# Compiling is most of the work of a fresh clone: less of it without what only a
# debugger reads, and without the compression in C that Pebble prefers, of which
# there is one in Go; and the compiler collects its garbage less often. Tests wait
# for brokers and browsers, so four run at a time.
test: export GOFLAGS := -p=4 -tags=pebblegozstd -gcflags=all=-dwarf=false -ldflags=-w '-toolexec=env GOGC=400'

# With -short, properties are tried on a fifth of the cases; go test ./... tries all.
# The simulation takes half of the seeds of make sim.
# Whole programs wait more than they work: those that wait longest come first, and
# the rest and the longest beside them. Vet looks at the code once.
test: ## tests with the race detector, the simulation of many seeds, and whole programs
	go test -race -short $$(go list ./... | grep -vxF "$$(go list $(LONG) $(ALONE) $(WHOLE))")
	go test -race -short -vet=off -run 'Snapshot|Capture|Checkpoint' ./state/paged ./state/pebble
	go test -race -short -p 2 $(LONG) & long=$$!; \
	go test -short -vet=off $(WHOLE) & whole=$$!; \
	AFFLUX_SEEDS=$$(($(SEEDS) / 2)) go test -p 2 -short -count=1 -vet=off $(ALONE); own=$$?; \
	wait $$long; long=$$?; wait $$whole && exit $$((own + long))
	@if [ -f bench/go.mod ]; then echo "cd bench && go test ./..."; cd bench && go test -vet=off ./...; fi

lint: ## vet and more, by golangci-lint as pinned here (the first run builds it: some minutes)
	GOTOOLCHAIN=$$(go env GOVERSION) go run $(GOLANGCI) run ./...

bench: ## compare the engine with plain loops that do the same work
	cd bench && go run ./cmd/compare

nexmark: ## check the answers of the Nexmark queries, in memory and on disk
	cd bench && go run ./cmd/nexmark

fuzz: ## try every fuzz target for FUZZTIME
	@set -e; grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		dir=$$(dirname "$$file"); \
		for f in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "$$dir $$f"; \
			(cd "$$dir" && go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) .) < /dev/null; \
		done; \
	done

ui: ## build the web page from its sources (needs Node 20.19 or later and npm)
	cd internal/ui/web && npm ci --no-audit --no-fund && npm run build

screenshots: ## draw the pictures of the page in docs/images (needs Chromium; a minute and a half)
	go test -count=1 -tags screenshots -run 'TestScreenshots$$' ./internal/ui/uitest -args -screenshots=$(CURDIR)/docs/images

fmt: ## gofmt every file
	$$(go env GOROOT)/bin/gofmt -w .

sim: ## simulate SEEDS random jobs of each family, with stalls and different speeds
	AFFLUX_SEEDS=$(SEEDS) go test -count=1 -v $(if $(SEED),-run Seeds) ./internal/simtest/ $(if $(SEED),-args -seed=$(SEED))

kill: ## kill a job ROUNDS times and count what is lost or doubled (BROKER=embedded or kafka)
	go run ./internal/kill -rounds $(ROUNDS) -broker $(BROKER)

attribution: ## plant bottlenecks in real jobs and see whether the diagnosis names them (10 minutes)
	go run ./internal/attribution

spec: ## check the models of credit and of barriers with Spin
	./spec/check.sh

dashboards: ## check the dashboard and the alerts with a real Prometheus
	go test -count=1 -v ./deploy/...
