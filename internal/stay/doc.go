// Package stay holds the tests of rooms whose networks lose, break and change
// while they are played in: what is lost, what is late, and how long it is silent
// afterwards. The networks are netlab's, the players internal/game's.
package stay
