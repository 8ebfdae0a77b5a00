// Package matrix holds the tests of the real program in real networks: every
// pair of routers that players may sit behind, with every kind of server that
// may help them. The networks are netlab's.
package matrix
