package core

import "github.com/pion/transport/v5"

// OnNet puts rooms on another network than the system's. For tests.
func (c Config) OnNet(n transport.Net) Config {
	c.net = n
	return c
}

// Kill ends a room as if its process had died: nothing is sent, no goodbye is
// said. For tests.
func (r *Room) Kill() {
	r.closing.Do(func() {
		r.cancel()
		<-r.stopped
		r.running.Wait()
		if r.queue != nil {
			r.queue.close()
		}
	})
}
