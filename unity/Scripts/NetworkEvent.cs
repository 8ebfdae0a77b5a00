namespace UnityP2P
{
    /// <summary>A message and who sent it.</summary>
    public struct NetworkEvent
    {
        /// <summary>ReliableMessageReceived or UnreliableMessageReceived.</summary>
        public NetEventType Type { get; private set; }

        /// <summary>Who sent it.</summary>
        public ConnectionId ConnectionId { get; private set; }

        /// <summary>The bytes; valid until the callback returns.</summary>
        public MessageData MessageData { get; private set; }

        /// <summary>A sentence, or null: messages have none.</summary>
        public string Info { get; private set; }

        internal NetworkEvent(NetEventType type, ConnectionId connection, MessageData data, string info)
            : this()
        {
            Type = type;
            ConnectionId = connection;
            MessageData = data;
            Info = info;
        }

        /// <summary>Type, sender and length, for a log.</summary>
        public override string ToString()
        {
            return Type + " from " + ConnectionId + ", " +
                (MessageData == null ? 0 : MessageData.ContentLength) + " bytes";
        }
    }
}
