// Package window divides the records of a key into windows: of event time, the
// same for all keys (Tumbling, Sliding, Days, Weeks, Months, Global), of
// activity (Session), or of a number of records (Count, SlidingCount). It holds
// pure functions: state and timers belong to the operators.
//
// Windows that are the same for all keys are made of panes. A record belongs to exactly one pane, and a
// window is a run of consecutive panes, so a sliding window keeps each record
// once. Panes and windows are numbered: pane i covers event times
// [PaneStart(i), PaneStart(i+1)), and window i begins i slides after the
// offset from the Unix epoch. Panes of a calendar (days, months) differ in
// length.
package window
