namespace UnityP2P
{
    /// <summary>What a NetworkEvent reports. The values are the original's.</summary>
    public enum NetEventType : byte
    {
        /// <summary>No event.</summary>
        Invalid = 0,

        /// <summary>A message that was sent with isReliable false.</summary>
        UnreliableMessageReceived = 1,

        /// <summary>A message that was sent with isReliable true.</summary>
        ReliableMessageReceived = 2,

        /// <summary>The room's name is ours.</summary>
        ServerInitialized = 3,

        /// <summary>Another host has the room's name.</summary>
        ServerInitFailed = 4,

        /// <summary>The room is closed.</summary>
        ServerClosed = 5,

        /// <summary>A member is connected.</summary>
        NewConnection = 6,

        /// <summary>A member could not be reached.</summary>
        ConnectionFailed = 7,

        /// <summary>A member is gone.</summary>
        Disconnected = 8,

        /// <summary>Something that will not be tried again.</summary>
        FatalError = 100,

        /// <summary>Something that is being tried again.</summary>
        Warning = 101,

        /// <summary>A line of a log.</summary>
        Log = 102
    }
}
