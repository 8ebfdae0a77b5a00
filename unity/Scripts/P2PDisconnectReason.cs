namespace UnityP2P
{
    /// <summary>Why a connection ended.</summary>
    public enum P2PDisconnectReason
    {
        /// <summary>No connection has ended.</summary>
        None = 0,

        /// <summary>It said goodbye.</summary>
        Left = 201,

        /// <summary>It, or the server, called Disconnect.</summary>
        Removed = 202,

        /// <summary>We called Disconnect.</summary>
        Local = 203,

        /// <summary>Nothing was heard from it for P2PConfig.DisconnectAfterMilliseconds.</summary>
        TimedOut = 204,

        /// <summary>Its end closed without a goodbye.</summary>
        Closed = 205,

        /// <summary>It broke the protocol.</summary>
        Protocol = 206,

        /// <summary>The same member connected anew.</summary>
        Replaced = 207
    }
}
