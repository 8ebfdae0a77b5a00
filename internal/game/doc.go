// Package game is a game of nothing but numbered messages: each player sends all
// others 60 a second on both channels, and checks and times what it gets. Tests
// start it as a program, internal/game/player, in networks that they then break.
//
// It is told what to do by lines on its input, and says what happens as lines of
// JSON, each a Line. Times are of the machine's monotonic clock, which all of its
// processes and network namespaces share.
package game
