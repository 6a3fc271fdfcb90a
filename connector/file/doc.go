// Package file reads and writes files of records: CSV with a header, JSON
// lines and plain lines, compressed with gzip or zstd or not at all, and the
// same on standard input and output.
//
// The path "-" is standard input or output. The form of the records and the
// compression follow from the name of the file (.csv, .jsonl, .ndjson, .json,
// .txt, .log; .gz, .zst) unless an option says otherwise.
package file
