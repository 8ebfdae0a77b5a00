namespace UnityP2P
{
    /// <summary>
    /// Joins a room by its name: connects to its server and, through it, to
    /// every other client, directly. Call UpdateClient every frame: all events
    /// are raised inside it. Sending and Dispose are allowed from any thread.
    /// </summary>
    public class P2PClient : P2PRoom
    {
        /// <summary>
        /// Joins the room; while nobody hosts it, waits for somebody who does.
        /// Returns at once: OnConnection is raised for the server and for every
        /// other client.
        /// </summary>
        /// <param name="signalingServer">"wss://…", or "ws://…" without encryption; the same as the server's.</param>
        /// <param name="roomName">The room's name, exactly as the server gave it.</param>
        /// <exception cref="System.ArgumentException">A text is missing, too long or no address.</exception>
        /// <exception cref="P2PException">The native library is missing or does not fit; the message says what to do.</exception>
        public P2PClient(string signalingServer, string roomName)
            : this(signalingServer, roomName, null)
        {
        }

        /// <summary>As the other constructor, with settings. Null means the defaults.</summary>
        /// <param name="signalingServer">"wss://…", or "ws://…" without encryption; the same as the server's.</param>
        /// <param name="roomName">The room's name, exactly as the server gave it.</param>
        /// <param name="config">Read before the constructor returns, and not kept.</param>
        public P2PClient(string signalingServer, string roomName, P2PConfig config)
            : base(false, signalingServer, roomName, config)
        {
        }

        /// <summary>
        /// Raises the events that came since the last call; call it in Update().
        /// Does nothing after Dispose, and inside one of its own callbacks.
        /// </summary>
        public void UpdateClient()
        {
            Poll();
        }
    }
}
