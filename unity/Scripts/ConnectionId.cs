using System;

namespace UnityP2P
{
    /// <summary>
    /// Names a connection to one other member, within one P2PServer or
    /// P2PClient. Numbers are used again after the end of a connection, the
    /// longest unused first.
    /// </summary>
    [Serializable]
    public struct ConnectionId : IEquatable<ConnectionId>
    {
        /// <summary>Names no connection.</summary>
        public static readonly ConnectionId INVALID = new ConnectionId(-1);

        /// <summary>The number, from 1; -1 in INVALID.</summary>
        public short id;

        /// <summary>The connection with that number.</summary>
        public ConnectionId(short number)
        {
            id = number;
        }

        /// <summary>Whether this may name a connection.</summary>
        public bool IsValid()
        {
            return id > 0;
        }

        /// <summary>Whether both name the same connection.</summary>
        public bool Equals(ConnectionId other)
        {
            return id == other.id;
        }

        /// <summary>Whether the object is a ConnectionId of the same connection.</summary>
        public override bool Equals(object other)
        {
            return other is ConnectionId && Equals((ConnectionId)other);
        }

        /// <summary>A hash of the number.</summary>
        public override int GetHashCode()
        {
            return id;
        }

        /// <summary>Whether both name the same connection.</summary>
        public static bool operator ==(ConnectionId a, ConnectionId b)
        {
            return a.id == b.id;
        }

        /// <summary>Whether they name different connections.</summary>
        public static bool operator !=(ConnectionId a, ConnectionId b)
        {
            return a.id != b.id;
        }

        /// <summary>Whether the first number is smaller.</summary>
        public static bool operator <(ConnectionId a, ConnectionId b)
        {
            return a.id < b.id;
        }

        /// <summary>Whether the first number is larger.</summary>
        public static bool operator >(ConnectionId a, ConnectionId b)
        {
            return a.id > b.id;
        }

        /// <summary>Whether the first number is not larger.</summary>
        public static bool operator <=(ConnectionId a, ConnectionId b)
        {
            return a.id <= b.id;
        }

        /// <summary>Whether the first number is not smaller.</summary>
        public static bool operator >=(ConnectionId a, ConnectionId b)
        {
            return a.id >= b.id;
        }

        /// <summary>The number as text: the key in P2PServer.peers.</summary>
        public override string ToString()
        {
            return id.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
    }
}
