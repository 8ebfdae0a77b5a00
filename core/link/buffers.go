//go:build !stock_buffers

package link

// socketBuffer is asked of the system for each UDP socket; the system may grant
// less. Bursts of a game that sends once a frame fit into it; with the system's
// default a third of 50 000 messages a second was lost.
const socketBuffer = 4 << 20
