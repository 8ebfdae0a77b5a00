using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Text;
using System.Threading;
using NUnit.Framework;

namespace UnityP2P.Tests
{
    /// <summary>A message as a test keeps it.</summary>
    internal sealed class Received
    {
        public ConnectionId From;
        public bool Reliable;
        public byte[] Bytes;

        public string Text { get { return Encoding.UTF8.GetString(Bytes); } }
    }

    /// <summary>A server or client that notes what it is told.</summary>
    internal sealed class Member : IDisposable
    {
        public readonly P2PRoom Room;
        public readonly List<ConnectionId> Connected = new List<ConnectionId>();
        public readonly List<ConnectionId> Disconnected = new List<ConnectionId>();
        public readonly List<P2PDisconnectReason> Reasons = new List<P2PDisconnectReason>();
        public readonly List<Received> Messages = new List<Received>();
        public readonly List<P2PError> Errors = new List<P2PError>();
        public readonly List<P2PState> States = new List<P2PState>();

        /// <summary>How much it was told so far.</summary>
        public int Told
        {
            get { return Connected.Count + Disconnected.Count + Messages.Count + Errors.Count + States.Count; }
        }

        public override string ToString()
        {
            return (Room is P2PServer ? "server" : "client") + " " + Room.State + ", " + Room.peers.Count + " of " +
                Connected.Count + " peers, left: [" + string.Join(" ", Reasons) + "], " + Messages.Count +
                " messages, errors: [" + string.Join("; ", Errors.ConvertAll(e => e.Message)) + "]";
        }

        public Member(P2PRoom room)
        {
            Room = room;
            room.OnConnection += id => Connected.Add(id);
            room.OnDisconnection += id =>
            {
                Disconnected.Add(id);
                Reasons.Add(room.LastDisconnectReason);
            };
            room.OnReceivedMessage += Note;
            room.OnError += e => Errors.Add(e);
            room.OnStateChanged += s => States.Add(s);
        }

        private void Note(NetworkEvent e)
        {
            Messages.Add(new Received
            {
                From = e.ConnectionId,
                Reliable = e.Type == NetEventType.ReliableMessageReceived,
                Bytes = e.MessageData.ToArray()
            });
        }

        public void Update()
        {
            P2PServer server = Room as P2PServer;
            if (server != null)
            {
                server.UpdateServer();
            }
            else
            {
                ((P2PClient)Room).UpdateClient();
            }
        }

        public void Dispose()
        {
            Room.Dispose();
        }
    }

    /// <summary>A signaling server and rooms on this machine alone; disposed after the test.</summary>
    internal sealed class Network : IDisposable
    {
        public const int NoHandleFree = -9;
        private const int PatienceSeconds = 60;

        public readonly List<Member> Members = new List<Member>();
        public readonly List<string> Log = new List<string>();
        private readonly P2PSignaling signaling;
        private readonly Action<P2PLogLevel, string> sink;

        public Network()
        {
            sink = P2PLog.Sink;
            P2PLog.Sink = (level, line) =>
            {
                lock (Log)
                {
                    Log.Add(level + ": " + line);
                }
            };
            signaling = Open(() => new P2PSignaling(0, "127.0.0.1"));
            Await("the signaling server", () => signaling.Port != 0);
        }

        public string Url { get { return signaling.LocalUrl; } }

        /// <summary>
        /// Opens something, when there is a handle for it: one is free again when
        /// its goodbyes are said, a moment after Dispose.
        /// </summary>
        public static T Open<T>(Func<T> open)
        {
            Stopwatch clock = Stopwatch.StartNew();
            while (true)
            {
                try
                {
                    return open();
                }
                catch (P2PException e)
                {
                    if (e.Code != NoHandleFree || clock.Elapsed.TotalSeconds > PatienceSeconds)
                    {
                        throw;
                    }
                    Thread.Sleep(1);
                }
            }
        }

        public static P2PConfig Config()
        {
            return new P2PConfig { Loopback = P2PLoopback.Only, IceServers = new List<P2PIceServer>() };
        }

        public Member Serve(string room, P2PConfig config = null)
        {
            Member member = new Member(Open(() => new P2PServer(Url, room, config ?? Config())));
            Members.Add(member);
            return member;
        }

        public Member Join(string room, P2PConfig config = null)
        {
            Member member = new Member(Open(() => new P2PClient(Url, room, config ?? Config())));
            Members.Add(member);
            return member;
        }

        /// <summary>A server and clients that are all connected to each other.</summary>
        public Member[] Mesh(int clients, P2PConfig config = null)
        {
            List<Member> all = new List<Member> { Serve("mesh", config) };
            for (int i = 0; i < clients; i++)
            {
                all.Add(Join("mesh", config));
            }
            Await("everyone connected", () => all.TrueForAll(m => m.Room.peers.Count == clients));
            return all.ToArray();
        }

        public void Update()
        {
            signaling.UpdateSignaling();
            foreach (Member member in Members)
            {
                member.Update();
            }
        }

        /// <summary>
        /// Updates everything until the condition holds. Gives up when nobody is
        /// told anything any more, however long the rest took.
        /// </summary>
        public void Await(string what, Func<bool> condition)
        {
            Stopwatch clock = Stopwatch.StartNew();
            int told = 0;
            while (!condition())
            {
                Update();
                int now = 0;
                foreach (Member member in Members)
                {
                    now += member.Told;
                }
                if (now != told)
                {
                    told = now;
                    clock = Stopwatch.StartNew();
                }
                if (clock.Elapsed.TotalSeconds > PatienceSeconds)
                {
                    Assert.Fail("waited too long for " + what + "; " + string.Join("; ", Members) +
                        "; the log: " + LogText());
                }
                Thread.Sleep(1);
            }
        }

        public bool Logged(string part)
        {
            return LogText().Contains(part);
        }

        public string LogText()
        {
            lock (Log)
            {
                return string.Join("\n", Log.ToArray());
            }
        }

        public void Dispose()
        {
            foreach (Member member in Members)
            {
                member.Dispose();
            }
            signaling.Dispose();
            P2PLog.Sink = sink;
        }
    }

    /// <summary>What the fixtures share: a fresh Network for each test.</summary>
    public abstract class NetworkTest
    {
        internal Network net;

        [SetUp]
        public void OpenNetwork()
        {
            net = new Network();
        }

        [TearDown]
        public void CloseNetwork()
        {
            net.Dispose();
        }

        internal static byte[] Bytes(string text)
        {
            return Encoding.UTF8.GetBytes(text);
        }

        internal static ConnectionId Only(Member member)
        {
            foreach (ConnectionId id in member.Room.peers.Values)
            {
                return id;
            }
            Assert.Fail("nobody is connected");
            return ConnectionId.INVALID;
        }
    }
}
