package archtest

// Rule is one rule about the tree.
type Rule struct {
	Name  string
	Check func(*Tree) []Problem
}

// Rules are all rules, that of the table among them.
var Rules = []Rule{
	{"layers", func(t *Tree) []Problem { return CheckLayers(t, Table) }},
	{"vague names", CheckVagueNames},
	{"twins", CheckTwins},
	{"length", CheckLength},
	{"package comments", CheckPackageComments},
	{"exported comments", CheckExportedComments},
	{"unfinished", CheckUnfinished},
	{"sleep", CheckSleep},
	{"testing imports", CheckTestingImports},
	{"machine paths", CheckMachinePaths},
}
