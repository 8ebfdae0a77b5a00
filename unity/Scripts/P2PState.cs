namespace UnityP2P
{
    /// <summary>How far a room, or a signaling server, has come.</summary>
    public enum P2PState
    {
        /// <summary>
        /// Being tried. P2PServer: the name is not ours, or not now: nobody new
        /// gets in, those who are in stay. P2PClient: no server is connected.
        /// </summary>
        Connecting = 0,

        /// <summary>P2PServer: the name is ours. P2PClient: the server is connected. P2PSignaling: it listens.</summary>
        Connected = 1,

        /// <summary>Given up, and OnError told why: dispose it.</summary>
        Failed = 2,

        /// <summary>Dispose was called.</summary>
        Disposed = 3
    }
}
