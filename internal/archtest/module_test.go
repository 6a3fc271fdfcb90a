package archtest

import (
	"os"
	"testing"
)

// TestModule holds the whole tree to every rule.
func TestModule(t *testing.T) {
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Go) == 0 || len(tree.Text) == 0 {
		t.Fatal("the module is not where it was expected: two levels up")
	}
	for _, rule := range Rules {
		t.Run(rule.Name, func(t *testing.T) {
			for _, p := range rule.Check(tree) {
				t.Error(p)
			}
		})
	}
}

func TestTablePointsDown(t *testing.T) {
	for _, p := range CheckTable(Table) {
		t.Error(p)
	}
}
