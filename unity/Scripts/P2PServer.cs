namespace UnityP2P
{
    /// <summary>
    /// Hosts a room under a name. Clients that join it under the same name
    /// connect to this server and to each other, directly. Call UpdateServer
    /// every frame: all events are raised inside it. Sending and Dispose are
    /// allowed from any thread.
    /// </summary>
    public class P2PServer : P2PRoom
    {
        /// <summary>
        /// Claims the room's name at the signaling server and keeps it. Returns
        /// at once: State, OnStateChanged and OnError tell what came of it, and
        /// what can be tried again is tried until Dispose.
        /// </summary>
        /// <param name="signalingServer">"wss://…", or "ws://…" without encryption.</param>
        /// <param name="roomName">Any text of at most 256 characters. Who joins by it must know it exactly.</param>
        /// <exception cref="System.ArgumentException">A text is missing, too long or no address.</exception>
        /// <exception cref="P2PException">The native library is missing or does not fit; the message says what to do.</exception>
        public P2PServer(string signalingServer, string roomName)
            : this(signalingServer, roomName, null)
        {
        }

        /// <summary>As the other constructor, with settings. Null means the defaults.</summary>
        /// <param name="signalingServer">"wss://…", or "ws://…" without encryption.</param>
        /// <param name="roomName">Any text of at most 256 characters.</param>
        /// <param name="config">Read before the constructor returns, and not kept.</param>
        public P2PServer(string signalingServer, string roomName, P2PConfig config)
            : base(true, signalingServer, roomName, config)
        {
        }

        /// <summary>
        /// Raises the events that came since the last call; call it in Update().
        /// Does nothing after Dispose, and inside one of its own callbacks.
        /// </summary>
        public void UpdateServer()
        {
            Poll();
        }
    }
}
