// Package archtest holds the tree to its own rules: which package may import
// which, how things are named, and what must be documented. It reads source
// files and needs neither the go command nor a build, so a result is never
// stale and files of every platform are seen.
package archtest

// Module is the import path of the module. Packages are named by their path
// below it; the root package is ".".
const Module = "github.com/affluxdev/afflux"

// Layer is one row of the table: a package and what of ours it may import.
type Layer struct {
	// Package is a path below the module; a path that ends in "/*" stands for
	// every package beneath it that has no row of its own.
	Package string
	// May names rows above this one, separated by spaces; "*" is all of them.
	May string
}

// Table is the architecture, from the ground up: a row may name only rows
// above it, so imports point down and no cycle can be written. A package
// without a row fails the test: add the row with the package. The rule holds
// for files that are built into a program; tests may import what they need.
//
// Snapshots (internal/metric) hold event times, so who reads them may import
// event.
var Table = []Layer{
	// Ground floor.
	{"event", ""},
	{"internal/credit", ""},
	{"internal/metric", "event"},
	{"internal/archtest", ""},
	{"internal/ui", ""},
	{"internal/filelock", ""},
	{"internal/filesync", ""},
	{"internal/pemfile", ""},
	{"internal/pemfile/pemfiletest", ""},
	{"internal/broker", "internal/filelock"},
	{"internal/realkafka", ""},

	// Contracts, public.
	{"codec", "event"},
	{"codec/*", "event codec"},
	{"window", "event"},
	{"connector", "event codec"},
	{"state", "event codec codec/*"},
	{"operator", "event state internal/metric"},
	{"guard", "event connector operator"},

	// Kits that every implementation of a contract must pass.
	{"connector/connectortest", "event codec connector"},
	{"state/statetest", "event codec state"},
	{"operator/operatortest", "event state state/statetest operator"},

	// Adapters.
	{"connector/*", "event codec codec/* connector"},
	{"state/*", "event codec codec/* state"},

	// The engine.
	{"internal/graph", "event operator connector state"},
	{"internal/exchange", "event codec codec/* internal/credit internal/metric"},
	{"internal/transform", "event codec codec/* window state operator guard"},
	{"internal/checkpoint", "event internal/filelock internal/filesync"},
	{"internal/checkpoint/bucket", "internal/checkpoint"},
	{"internal/checkpoint/storetest", "internal/checkpoint"},
	{"internal/task", "event state operator connector internal/graph internal/exchange internal/checkpoint internal/metric internal/credit"},
	{"internal/diagnosis", "event internal/metric internal/graph"},
	{"internal/control", "event internal/metric internal/graph internal/diagnosis"},
	{"internal/job", "event state connector operator internal/credit internal/task internal/graph internal/exchange internal/checkpoint internal/control internal/diagnosis internal/metric"},
	{"internal/cluster", "internal/job internal/graph internal/exchange internal/metric"},

	// Seen from outside.
	{"internal/terminal", "event internal/metric internal/diagnosis"},
	{"internal/remote", "internal/pemfile"},
	{"internal/doctor", "internal/remote internal/diagnosis internal/terminal"},
	{"internal/api", "event internal/job internal/diagnosis internal/metric internal/checkpoint internal/pemfile internal/ui"},
	{".", "event codec window connector state state/* operator guard " +
		"internal/graph internal/transform internal/job internal/checkpoint internal/cluster internal/api internal/metric internal/diagnosis internal/terminal internal/doctor"},
	{"tracing/otlp", ""},
	{"checkpoints/bucket", "internal/checkpoint internal/checkpoint/bucket"},
	{"pipeline", ". event connector connector/* window codec codec/* guard"},

	// Nothing imports these.
	{"internal/simtest", "*"},
	{"deploy/*", ""},
	{"internal/ui/uitest", "*"},
	{"internal/kill", "*"},
	{"internal/attribution", "*"},
	{"examples/*", ". event codec codec/* window connector connector/* state operator guard"},
	{"bench/nexmark/schema", ""}, // the model shares nothing with the engine
	{"bench/nexmark/generator", "bench/nexmark/schema"},
	{"bench/nexmark/model", "bench/nexmark/schema"},
	{"bench/nexmark/source", "event connector bench/nexmark/schema bench/nexmark/generator"},
	{"bench/nexmark/query", ". event codec window connector connector/* state bench/nexmark/schema"},
	{"bench", ". event codec codec/* window connector connector/* state state/* operator guard bench/nexmark/schema bench/nexmark/generator bench/nexmark/source bench/nexmark/query"},
	{"bench/nexmark/check", ". event connector operator connector/* state state/* bench/nexmark/schema bench/nexmark/generator bench/nexmark/model bench/nexmark/source bench/nexmark/query"},
	{"bench/cmd/nexmark", "bench/nexmark/check"},
	{"bench/*", ". event codec codec/* window connector connector/* state state/* operator guard bench"},
	{"cmd/afflux/*", "*"},
	{"cmd/afflux", "*"},
}
