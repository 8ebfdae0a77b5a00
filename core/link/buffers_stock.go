//go:build stock_buffers

package link

// socketBuffer is what Linux grants where nobody raised net.core.rmem_max. Only
// the benchmark builds this, to say what that costs.
const socketBuffer = 212992
