using System;
using System.Collections.Generic;
using System.Text;

namespace UnityP2P
{
    /// <summary>
    /// What P2PServer and P2PClient have in common: the members that are
    /// connected, events, and sending. Events are raised only inside
    /// UpdateServer or UpdateClient, on the thread that called it. An exception
    /// in a callback is logged, and costs no other event.
    /// </summary>
    public abstract partial class P2PRoom : IDisposable, IReceiver
    {
        /// <summary>
        /// Everyone who is connected, by ConnectionId.ToString(). Changes only
        /// inside UpdateServer or UpdateClient: it has a member from before its
        /// OnConnection until before its OnDisconnection. Do not change it.
        /// </summary>
        public readonly Dictionary<string, ConnectionId> peers = new Dictionary<string, ConnectionId>();

        private const int HurdleMilliseconds = 1500;

        private readonly bool host;
        private readonly bool overwrite;
        private readonly NativeLifetime lifetime;
        private readonly Inbox inbox;
        private readonly Members members = new Members();
        private readonly MessageData data = new MessageData();
        private P2PState state;

        // What is logged if it is still so in a moment: at the start of a game
        // the client is often there before its server.
        private string hurdle;
        private int hurdleSince;

        internal P2PRoom(bool host, string signalingServer, string roomName, P2PConfig config)
        {
            this.host = host;
            overwrite = config != null && config.OverwriteUsedBuffers;
            lifetime = P2PRooms.Add(NativeConfig.Open(host, signalingServer, roomName, config));
            inbox = new Inbox(lifetime, config == null ? 0 : config.MaxUpdateMilliseconds);
            RoomName = roomName;
        }

        /// <summary>Disposes what the game forgot.</summary>
        ~P2PRoom()
        {
            End();
        }

        internal Inbox InboxForTests { get { return inbox; } }

        /// <summary>The name that the room was opened with.</summary>
        public string RoomName { get; private set; }

        /// <summary>How far the room has come, as of the last Update.</summary>
        public P2PState State
        {
            get { return lifetime.Ended ? P2PState.Disposed : state; }
        }

        /// <summary>Why the connection ended that OnDisconnection is being raised for, or was last.</summary>
        public P2PDisconnectReason LastDisconnectReason { get; private set; }

        /// <summary>
        /// Leaves the room: what SendMessage took is still sent, and the others
        /// hear a goodbye, without this waiting for it. No event is raised from
        /// then on. May be called any number of times, from any thread, and
        /// inside a callback.
        /// </summary>
        public void Dispose()
        {
            GC.SuppressFinalize(this);
            End();
        }

        private void End()
        {
            if (lifetime == null)
            {
                return; // the constructor threw
            }
            P2PRooms.End(lifetime);
            if (inbox != null)
            {
                inbox.Free();
            }
        }

        /// <summary>Raises what came since the last call.</summary>
        internal void Poll()
        {
            if (lifetime.Ended)
            {
                return;
            }
            LogLines.Poll();
            inbox.Take(this);
            if (hurdle != null && Environment.TickCount - hurdleSince > HurdleMilliseconds)
            {
                P2PLog.Warn(hurdle);
                hurdle = null;
            }
        }

        /// <summary>Everyone's statistics added up. False while there are none: ask again soon.</summary>
        public bool TryGetStats(out P2PStats stats)
        {
            return Snapshot(0, out stats);
        }

        /// <summary>The statistics of one connection. False while there are none, or if nobody is connected under that id.</summary>
        public bool TryGetStats(ConnectionId connectionId, out P2PStats stats)
        {
            uint connection = members.Find(connectionId);
            if (connection == 0)
            {
                stats = new P2PStats();
                return false;
            }
            return Snapshot(connection, out stats);
        }

        private bool Snapshot(uint connection, out P2PStats stats)
        {
            Native.Stats raw = new Native.Stats();
            raw.struct_size = Native.StatsSize;
            bool ok = Native.P2P_GetStats(lifetime.Handle, connection, ref raw) == Native.Ok && raw.age_ms != uint.MaxValue;
            stats = new P2PStats(raw);
            return ok;
        }

        /// <summary>
        /// The room-wide id of a member: the same in every process of the room,
        /// while ConnectionIds differ. 0 if nobody is connected under that id.
        /// Inside OnDisconnection it is still that of the member that is gone.
        /// </summary>
        public ulong GetMemberId(ConnectionId connectionId)
        {
            return members.MemberId(connectionId);
        }

        /// <summary>The connection to the member with that room-wide id; INVALID if there is none.</summary>
        public ConnectionId FindMember(ulong memberId)
        {
            return members.WithId(memberId);
        }

        /// <summary>Whether that member is the room's P2PServer, or, inside OnDisconnection, was.</summary>
        public bool IsServer(ConnectionId connectionId)
        {
            return (members.Flags(connectionId) & Native.FlagHost) != 0;
        }

        /// <summary>
        /// Ends the connection to one member; OnDisconnection follows. A server
        /// removes the client from the room: all others drop it too. Returns
        /// false, and logs it, if nobody is connected under that id.
        /// </summary>
        public bool Disconnect(ConnectionId connectionId)
        {
            uint connection = members.Find(connectionId);
            if (connection != 0 && Native.P2P_Disconnect(lifetime.Handle, connection) == Native.Ok)
            {
                return true;
            }
            P2PLog.Warn("nobody is connected under " + connectionId + ": Disconnect did nothing");
            return false;
        }

        /// <summary>
        /// Makes the network of this room a bad one, from the next packet on, until it
        /// is called again: for trying a game before its players do. Null: a good
        /// network again. It acts on UDP between this room and all others; signaling,
        /// and relays over TCP or TLS, stay as they are.
        /// </summary>
        /// <exception cref="ArgumentException">a value is out of its range</exception>
        public void SetNetworkConditions(P2PNetworkConditions conditions)
        {
            Native.NetworkConditions raw = (conditions ?? new P2PNetworkConditions()).Convert();
            int code = Native.P2P_SetNetworkConditions(lifetime.Handle, ref raw);
            if (code != Native.Ok && code != Native.InvalidHandle)
            {
                throw NativeLoader.Refusal(code);
            }
        }

        void IReceiver.Receive(ref Native.Event e, byte[] arena)
        {
            switch (e.type)
            {
                case Native.EventMessage:
                    ReceiveMessage(ref e, arena);
                    break;
                case Native.EventConnected:
                    Connected(ref e);
                    break;
                case Native.EventDisconnected:
                    Disconnected(ref e);
                    break;
                case Native.EventRoomOpen:
                    SetState(P2PState.Connected);
                    break;
                case Native.EventRoomTrouble:
                    Trouble(ref e, Encoding.UTF8.GetString(arena, (int)e.data_offset, (int)e.data_length));
                    break;
                case Native.EventUnreachable:
                case Native.EventReachable:
                    RaiseReachability(Members.Number(e.connection), e.type == Native.EventReachable);
                    break;
                case Native.EventPathChanged:
                    RaisePathChanged(Members.Number(e.connection));
                    break;
            }
        }

        private void ReceiveMessage(ref Native.Event e, byte[] arena)
        {
            data.Set(arena, (int)e.data_offset, (int)e.data_length);
            NetEventType type = (e.flags & Native.FlagReliable) != 0
                ? NetEventType.ReliableMessageReceived
                : NetEventType.UnreliableMessageReceived;
            RaiseMessage(new NetworkEvent(type, Members.Number(e.connection), data, null));
            if (overwrite)
            {
                data.Overwrite();
            }
        }

        private void Connected(ref Native.Event e)
        {
            ConnectionId id = Members.Number(e.connection);
            members.Add(id, e.connection, e.member, e.flags);
            peers[id.ToString()] = id;
            if ((e.flags & Native.FlagHost) != 0)
            {
                SetState(P2PState.Connected);
            }
            RaiseConnection(id);
        }

        private void Disconnected(ref Native.Event e)
        {
            ConnectionId id = Members.Number(e.connection);
            bool server = IsServer(id);
            members.Leave(id);
            peers.Remove(id.ToString());
            LastDisconnectReason = (P2PDisconnectReason)e.code;
            RaiseDisconnection(id);
            members.Forget(id);
            if (server && state == P2PState.Connected)
            {
                SetState(P2PState.Connecting);
            }
        }

        private void Trouble(ref Native.Event e, string sentence)
        {
            P2PError error = new P2PError((P2PErrorCode)e.code, (e.flags & Native.FlagFinal) != 0, sentence);
            string line = "room \"" + RoomName + "\": " + error;
            if (error.IsFinal)
            {
                P2PLog.Error(line);
                hurdle = null;
                SetState(P2PState.Failed);
            }
            else
            {
                // The clock runs on: what fails again and again is logged too.
                hurdleSince = hurdle == null ? Environment.TickCount : hurdleSince;
                hurdle = line;
                if (host && error.Code == P2PErrorCode.SignalingLost)
                {
                    SetState(P2PState.Connecting);
                }
            }
            RaiseError(error);
        }

        private void SetState(P2PState next)
        {
            if (next != state)
            {
                state = next;
                hurdle = next == P2PState.Connected ? null : hurdle;
                RaiseState(next);
            }
        }
    }
}
