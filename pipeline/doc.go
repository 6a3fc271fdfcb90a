// Package pipeline turns a YAML file into a job: named sources, steps and
// sinks, with expressions over typed columns.
//
// A file goes through four stages, each of which reports all of its problems
// at once, with file, line and column: the text becomes a tree (Parse), the
// tree becomes a configuration with known keys only, the configuration is
// checked against the columns that every step has (Check), and what was
// checked becomes a job (Build).
package pipeline
