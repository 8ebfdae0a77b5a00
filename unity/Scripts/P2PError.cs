namespace UnityP2P
{
    /// <summary>What stands in the way of a room. P2PError.IsFinal says whether it is tried again.</summary>
    public enum P2PErrorCode
    {
        /// <summary>Another server has the room's name.</summary>
        RoomTaken = 101,

        /// <summary>The signaling server does not answer.</summary>
        SignalingUnreachable = 102,

        /// <summary>The signaling server refused the token.</summary>
        TokenRefused = 103,

        /// <summary>What answers at that address is no signaling server, or not at this path.</summary>
        SignalingRefused = 104,

        /// <summary>Client: nobody hosts a room of that name yet.</summary>
        NoHost = 105,

        /// <summary>The connection to the signaling server broke. Players that are connected stay so.</summary>
        SignalingLost = 106,

        /// <summary>No network path to a member was found.</summary>
        ConnectFailed = 107,

        /// <summary>P2PSignaling: another program listens on that port, most likely another copy of the game.</summary>
        AddressInUse = 108,

        /// <summary>P2PSignaling: the system refuses that address or port.</summary>
        ListenFailed = 109,

        /// <summary>Client: the server removed us from the room.</summary>
        Removed = 110,

        /// <summary>The server takes no more members.</summary>
        RoomFull = 111,

        /// <summary>The library could not start.</summary>
        Internal = 112,

        /// <summary>The signaling server's certificate is not trusted, or not the pinned one (P2PConfig.TlsPin).</summary>
        Certificate = 113,

        /// <summary>The token does not allow to host, or to join, this room.</summary>
        NotAllowed = 114,

        /// <summary>A limit of the signaling server was met; tried again later.</summary>
        Limited = 115,

        /// <summary>The signaling server does not want us back. Players that are connected stay so.</summary>
        SignalingEnded = 116
    }

    /// <summary>What OnError reports.</summary>
    public struct P2PError
    {
        /// <summary>What it is.</summary>
        public P2PErrorCode Code { get; private set; }

        /// <summary>Whether it is not tried again.</summary>
        public bool IsFinal { get; private set; }

        /// <summary>A sentence for the developer, in English. Not for players.</summary>
        public string Message { get; private set; }

        internal P2PError(P2PErrorCode code, bool final, string message)
            : this()
        {
            Code = code;
            IsFinal = final;
            Message = message;
        }

        /// <summary>The message and the code.</summary>
        public override string ToString()
        {
            return Message + " (" + Code + (IsFinal ? ", final)" : ", tried again)");
        }
    }
}
