// Package check tests the files of deploy as they are used: a real Prometheus
// scrapes running jobs with them, the queries of the dashboard return data, and
// each alert fires where its situation was planted, and nowhere else.
package check
