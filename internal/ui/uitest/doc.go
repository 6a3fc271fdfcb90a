// Package uitest tests the web page in a real browser: against a server that is
// made up, for what can be planned to the last figure, and against running jobs. It
// draws the pictures of the documentation as well.
package uitest
