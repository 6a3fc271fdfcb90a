// Package window divides event time into windows. It holds pure functions:
// state and timers belong to the operators.
//
// Windows are made of panes. A record belongs to exactly one pane, and a
// window is a run of consecutive panes, so a sliding window keeps each record
// once. Panes and windows are numbered: pane i covers event times
// [PaneStart(i), PaneStart(i+1)), and window i begins i slides after the
// offset from the Unix epoch.
package window
