namespace UnityP2P
{
    /// <summary>How packets reach a member.</summary>
    public enum P2PPath
    {
        /// <summary>Not known yet.</summary>
        None = 0,

        /// <summary>Directly, between the members' own addresses.</summary>
        Host = 1,

        /// <summary>Directly, through an address of a router that a STUN server told.</summary>
        ServerReflexive = 2,

        /// <summary>Directly, through an address of a router that was found on the way.</summary>
        PeerReflexive = 3,

        /// <summary>Through a TURN server.</summary>
        Relay = 4,

        /// <summary>Through the server's game: two clients that do not reach each other.</summary>
        ViaHost = 5
    }

    /// <summary>A snapshot of one connection, or of all of them added up.</summary>
    public struct P2PStats
    {
        private Native.Stats raw;

        internal P2PStats(Native.Stats raw)
        {
            this.raw = raw;
        }

        /// <summary>How old the snapshot is. It is renewed about four times a second while somebody asks.</summary>
        public int AgeMilliseconds { get { return (int)raw.age_ms; } }

        /// <summary>How packets travel.</summary>
        public P2PPath Path { get { return (P2PPath)raw.path; } }

        /// <summary>The smoothed time of a packet there and back; 0 while not known.</summary>
        public float RoundTripMilliseconds { get { return raw.rtt_us / 1000f; } }

        /// <summary>How long connecting took.</summary>
        public int ConnectedInMilliseconds { get { return (int)raw.connected_ms; } }

        /// <summary>How many connections this adds up; 1 for one connection.</summary>
        public int Members { get { return (int)raw.members; } }

        /// <summary>Bytes of messages sent.</summary>
        public long BytesSent { get { return (long)raw.bytes_sent; } }

        /// <summary>Bytes of messages received.</summary>
        public long BytesReceived { get { return (long)raw.bytes_received; } }

        /// <summary>Messages sent.</summary>
        public long MessagesSent { get { return (long)raw.messages_sent; } }

        /// <summary>Messages received.</summary>
        public long MessagesReceived { get { return (long)raw.messages_received; } }

        /// <summary>Bytes that SendMessage took and the other side has not acknowledged.</summary>
        public long UnsentBytes { get { return (long)raw.unsent_bytes; } }

        /// <summary>Unreliable messages dropped before sending.</summary>
        public long DroppedSent { get { return (long)raw.dropped_sent; } }

        /// <summary>Unreliable messages dropped because nobody called Update for too long.</summary>
        public long DroppedReceived { get { return (long)raw.dropped_received; } }

        /// <summary>The member's room-wide number; 0 for all added up.</summary>
        public ulong MemberId { get { return raw.member; } }

        /// <summary>Our address, such as "192.168.1.7:50000"; "" while not known.</summary>
        public string LocalCandidate { get { return raw.local_candidate.ToString(); } }

        /// <summary>The other side's address; "" while not known.</summary>
        public string RemoteCandidate { get { return raw.remote_candidate.ToString(); } }

        /// <summary>Server: bytes from other clients that it passed on to this one.</summary>
        public long PassedOnBytes { get { return (long)raw.passed_bytes; } }

        /// <summary>Server: unreliable packets from other clients to this one that it dropped, being late or too many.</summary>
        public long PassedOnDropped { get { return (long)raw.passed_dropped; } }
    }
}
