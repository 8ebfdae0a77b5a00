package core

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
