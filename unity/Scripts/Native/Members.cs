using System;
using System.Collections.Generic;

namespace UnityP2P
{
    /// <summary>
    /// Who is connected: the library's number for each ConnectionId, and the
    /// room-wide ids. Only Update changes it; any thread may read.
    /// </summary>
    internal sealed class Members
    {
        private struct Member
        {
            public uint Connection; // 0: nobody
            public uint Flags;
            public ulong Id;
        }

        // Indexed by ConnectionId. Numbers go up to 32767 before they are used
        // again, so the table grows in the course of many connections.
        private Member[] table = new Member[64];
        private readonly object gate = new object();
        private readonly Dictionary<ulong, ConnectionId> byId = new Dictionary<ulong, ConnectionId>();

        /// <summary>The ConnectionId that C# code sees of the library's number.</summary>
        public static ConnectionId Number(uint connection)
        {
            return new ConnectionId((short)(connection & 0x7fff));
        }

        /// <summary>The library's number; 0 if nobody is connected under that id.</summary>
        public uint Find(ConnectionId id)
        {
            lock (gate)
            {
                return Known(id) ? table[id.id].Connection : 0;
            }
        }

        /// <summary>The room-wide id; 0 if nobody is known under that id.</summary>
        public ulong MemberId(ConnectionId id)
        {
            lock (gate)
            {
                return InTable(id) ? table[id.id].Id : 0;
            }
        }

        /// <summary>The flags of the connection's event; 0 if nobody is known under that id.</summary>
        public uint Flags(ConnectionId id)
        {
            lock (gate)
            {
                return InTable(id) ? table[id.id].Flags : 0;
            }
        }

        /// <summary>The connection to the member with that room-wide id, or INVALID.</summary>
        public ConnectionId WithId(ulong member)
        {
            lock (gate)
            {
                ConnectionId id;
                return byId.TryGetValue(member, out id) ? id : ConnectionId.INVALID;
            }
        }

        /// <summary>Somebody is connected.</summary>
        public void Add(ConnectionId id, uint connection, ulong member, uint flags)
        {
            lock (gate)
            {
                if (id.id >= table.Length)
                {
                    Array.Resize(ref table, Math.Max(id.id + 1, table.Length * 2));
                }
                table[id.id] = new Member { Connection = connection, Id = member, Flags = flags };
                byId[member] = id;
            }
        }

        /// <summary>The library's numbers of all who are connected.</summary>
        public uint[] Connections()
        {
            lock (gate)
            {
                uint[] all = new uint[byId.Count];
                int count = 0;
                foreach (ConnectionId id in byId.Values)
                {
                    all[count++] = table[id.id].Connection;
                }
                return all;
            }
        }

        /// <summary>Somebody is gone: not found any more, but still known, until Forget.</summary>
        public void Leave(ConnectionId id)
        {
            lock (gate)
            {
                if (!Known(id))
                {
                    return;
                }
                ConnectionId latest;
                ulong member = table[id.id].Id;
                if (byId.TryGetValue(member, out latest) && latest == id)
                {
                    byId.Remove(member);
                }
                table[id.id].Connection = 0;
            }
        }

        /// <summary>Nobody asks for it any more.</summary>
        public void Forget(ConnectionId id)
        {
            lock (gate)
            {
                if (InTable(id))
                {
                    table[id.id] = new Member();
                }
            }
        }

        private bool Known(ConnectionId id)
        {
            return InTable(id) && table[id.id].Connection != 0;
        }

        private bool InTable(ConnectionId id)
        {
            return id.id > 0 && id.id < table.Length;
        }
    }
}
