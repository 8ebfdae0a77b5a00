using System;
using System.Collections.Generic;
using System.Threading;
using NUnit.Framework;

namespace UnityP2P.Tests
{
    [TestFixture]
    public sealed class MisuseTests : NetworkTest
    {
        [Test]
        public void WrongConstructorArgumentsAreExceptions()
        {
            Assert.Throws<ArgumentNullException>(() => new P2PServer(null, "room"));
            Assert.Throws<ArgumentNullException>(() => new P2PClient(net.Url, null));
            Assert.Throws<ArgumentException>(() => new P2PServer("", "room"));
            Assert.Throws<ArgumentException>(() => new P2PServer("no address", "room"));
            Assert.Throws<ArgumentException>(() => new P2PServer("http://example.com", "room"));
            Assert.Throws<ArgumentException>(() => new P2PServer(net.Url, new string('x', 257)));
            Assert.Throws<ArgumentException>(() => new P2PServer(net.Url, "a\0b"));
            Assert.Throws<ArgumentException>(() => new P2PServer(net.Url, "half \ud800 a pair"));
            Assert.Throws<ArgumentOutOfRangeException>(() => new P2PSignaling(65536, null));
            Assert.Throws<ArgumentException>(() => new P2PSignaling(0, "not an address"));
        }

        [Test]
        public void WrongSettingsAreExceptions()
        {
            Refused(c => c.PortMin = -1);
            Refused(c => c.PortMax = 65536);
            Refused(c => { c.PortMin = 5000; c.PortMax = 4000; });
            Refused(c => c.MaxMessageSize = -1);
            Refused(c => c.SendBuffer = 1);
            Refused(c => c.MaxMembers = 1025);
            Refused(c => c.MaxUpdateMilliseconds = -1);
            Refused(c => { c.UseIPv4 = false; c.UseIPv6 = false; });
            Refused(c => c.Loopback = (P2PLoopback)7);
            Refused(c => c.IceServers.Add(new P2PIceServer()));
            Refused(c => c.IceServers.Add(new P2PIceServer("stun:two words")));
            Refused(c => c.IceServers.Add(new P2PIceServer("turn:host", "user", null)));
            Refused(c => c.IceServers.Add(new P2PIceServer("nonsense")));
            Assert.AreEqual(1, P2PRooms.Count, "a refused room stays open");
        }

        private void Refused(Action<P2PConfig> change)
        {
            P2PConfig config = Network.Config();
            change(config);
            Assert.Catch<ArgumentException>(() => new P2PServer(net.Url, "room", config));
        }

        [Test]
        public void WrongPartsOfArraysAreExceptionsAndSendNothing()
        {
            Member[] all = net.Mesh(1);
            P2PRoom room = all[0].Room;
            ConnectionId id = Only(all[0]);
            byte[] data = new byte[10];
            Assert.Throws<ArgumentNullException>(() => room.SendMessage(id, null, true));
            Assert.Throws<ArgumentNullException>(() => room.SendMessage(id, null, 0, 0, true));
            Assert.Throws<ArgumentNullException>(() => room.SendMessageToAll(null, true));
            Assert.Throws<ArgumentOutOfRangeException>(() => room.SendMessage(id, data, -1, 1, true));
            Assert.Throws<ArgumentOutOfRangeException>(() => room.SendMessage(id, data, 11, 0, true));
            Assert.Throws<ArgumentOutOfRangeException>(() => room.SendMessage(id, data, 0, 11, true));
            Assert.Throws<ArgumentOutOfRangeException>(() => room.SendMessage(id, data, 5, 6, true));
            Assert.Throws<ArgumentOutOfRangeException>(() => room.SendMessage(id, data, 5, int.MaxValue, true));
            Assert.Throws<ArgumentOutOfRangeException>(() => room.SendMessage(data, 5, -1, true));
            Assert.Throws<ArgumentOutOfRangeException>(() => room.SendMessageToAll(data, int.MinValue, 1, true));
            room.SendMessage(id, Bytes("end"), true);
            net.Await("the end", () => all[1].Messages.Count > 0);
            Assert.AreEqual("end", all[1].Messages[0].Text);
        }

        // By the original's names, which code may use.
        [Test]
        public void ArgumentsHaveTheOriginalsNames()
        {
            Member[] all = net.Mesh(1);
            byte[] data = Bytes("..x");
            all[0].Room.SendMessage(connectionId: Only(all[0]), data: data, dataOffset: 2, dataLen: 1, isReliable: true);
            all[0].Room.SendMessageToAll(data: data, dataOffset: 2, dataLen: 1, isReliable: true);
            all[0].Room.SendMessageToAll(data: data, isReliable: true);
            net.Await("all", () => all[1].Messages.Count == 3);
            Assert.AreEqual("x", all[1].Messages[0].Text);
        }

        [Test]
        public void ConnectionIdsCompareAsTheOriginals()
        {
            ConnectionId one = new ConnectionId(1), two = new ConnectionId(2);
            Assert.IsTrue(one < two && two > one && one <= two && two >= one && one != two && !(one == two));
            Assert.IsTrue(one.Equals(new ConnectionId(1)) && one.Equals((object)one) && !one.Equals(1));
            Assert.IsFalse(ConnectionId.INVALID.IsValid());
            Assert.AreEqual(-1, ConnectionId.INVALID.id);
            Assert.AreEqual("2", two.ToString());
        }

        [Test]
        public void SendingToNobodyIsLoggedNotThrown()
        {
            Member[] all = net.Mesh(1);
            foreach (short id in new short[] { 0, -1, 2000, short.MinValue, short.MaxValue })
            {
                Assert.IsFalse(all[0].Room.SendMessage(new ConnectionId(id), Bytes("x"), true));
                Assert.IsFalse(all[0].Room.Disconnect(new ConnectionId(id)));
                Assert.IsTrue(net.Logged("not sent to " + id));
            }
            ConnectionId left = Only(all[0]);
            all[1].Dispose();
            net.Await("the end", () => all[0].Disconnected.Count == 1);
            Assert.IsFalse(all[0].Room.SendMessage(left, Bytes("x"), true));
            Assert.AreEqual(0, all[0].Room.SendMessageToAll(Bytes("x"), true));
        }

        [Test]
        public void AMessageThatIsTooLargeIsNotTakenAndLogged()
        {
            Member[] all = net.Mesh(1);
            Assert.IsFalse(all[0].Room.SendMessage(Only(all[0]), new byte[(16 << 20) + 1], true));
            Assert.IsFalse(all[0].Room.SendMessage(Only(all[0]), new byte[262145], false));
            Assert.IsTrue(net.Logged("262145 bytes are more than the other side takes"), net.LogText());
        }

        [Test]
        public void AfterDisposeNothingHappensAndNothingIsThrown()
        {
            Member[] all = net.Mesh(1);
            ConnectionId id = Only(all[0]);
            all[1].Room.SendMessageToAll(Bytes("on its way"), true);
            for (int i = 0; i < 5; i++)
            {
                all[0].Dispose();
            }
            int events = all[0].Messages.Count + all[0].Disconnected.Count;
            Assert.AreEqual(P2PState.Disposed, all[0].Room.State);
            all[0].Update();
            Assert.IsFalse(all[0].Room.SendMessage(id, Bytes("x"), true));
            Assert.AreEqual(0, all[0].Room.SendMessageToAll(Bytes("x"), true));
            Assert.IsFalse(all[0].Room.Disconnect(id));
            P2PStats stats;
            Assert.IsFalse(all[0].Room.TryGetStats(id, out stats));
            Assert.IsFalse(all[0].Room.TryGetStats(out stats));
            net.Await("the goodbye", () => all[1].Disconnected.Count == 1);
            all[0].Update();
            Assert.AreEqual(events, all[0].Messages.Count + all[0].Disconnected.Count);
        }

        [Test]
        public void DisposeInsideACallbackEndsTheEvents()
        {
            Member[] all = net.Mesh(1);
            int calls = 0, second = 0;
            all[1].Room.OnReceivedMessage += message =>
            {
                calls++;
                all[1].Room.Dispose();
            };
            all[1].Room.OnReceivedMessage += message => second++;
            for (int i = 0; i < 50; i++)
            {
                all[0].Room.SendMessageToAll(Bytes("x"), true);
            }
            net.Await("the end", () => all[0].Disconnected.Count == 1);
            Assert.AreEqual(1, calls);
            Assert.AreEqual(0, second);
        }

        [Test]
        public void UpdateInsideACallbackDoesNothing()
        {
            Member[] all = net.Mesh(1);
            int depth = 0, deepest = 0;
            all[1].Room.OnReceivedMessage += message =>
            {
                deepest = Math.Max(deepest, ++depth);
                all[1].Update();
                depth--;
            };
            for (int i = 0; i < 50; i++)
            {
                all[0].Room.SendMessageToAll(BitConverter.GetBytes(i), true);
            }
            net.Await("all", () => all[1].Messages.Count == 50);
            Assert.AreEqual(1, deepest);
            for (int i = 0; i < 50; i++)
            {
                Assert.AreEqual(i, BitConverter.ToInt32(all[1].Messages[i].Bytes, 0));
            }
        }

        [Test]
        public void SendingWhileIteratingPeersIsAllowed()
        {
            Member[] all = net.Mesh(3);
            all[0].Room.OnReceivedMessage += message =>
            {
                foreach (KeyValuePair<string, ConnectionId> peer in all[0].Room.peers)
                {
                    Assert.IsTrue(all[0].Room.SendMessage(peer.Value, Bytes("to " + peer.Key), true));
                }
            };
            foreach (ConnectionId id in all[0].Room.peers.Values)
            {
                all[0].Room.SendMessage(id, Bytes("first"), true);
                all[0].Room.Disconnect(ConnectionId.INVALID);
            }
            all[1].Room.SendMessageToAll(Bytes("go"), true);
            net.Await("the answers", () => all[1].Messages.Count >= 2);
            Assert.IsFalse(net.Logged("exception"), net.LogText());
        }

        [Test]
        public void DisconnectInsideACallbackIsReportedLater()
        {
            Member[] all = net.Mesh(1);
            all[0].Room.OnReceivedMessage += message => all[0].Room.Disconnect(message.ConnectionId);
            all[1].Room.SendMessageToAll(Bytes("end it"), true);
            net.Await("the end on both sides", () => all[0].Disconnected.Count == 1 && all[1].Disconnected.Count == 1);
            Assert.AreEqual(P2PDisconnectReason.Local, all[0].Reasons[0]);
            Assert.AreEqual(P2PDisconnectReason.Removed, all[1].Reasons[0]);
        }

        [Test]
        public void OtherThreadsMaySendAndDispose()
        {
            Member[] all = net.Mesh(2);
            const int threads = 4, each = 200;
            List<Thread> senders = new List<Thread>();
            int refused = 0;
            for (int t = 0; t < threads; t++)
            {
                Thread sender = new Thread(() =>
                {
                    for (int i = 0; i < each; i++)
                    {
                        if (all[0].Room.SendMessageToAll(Bytes("x"), true) != 2)
                        {
                            Interlocked.Increment(ref refused);
                        }
                    }
                });
                sender.Start();
                senders.Add(sender);
            }
            net.Await("all messages", () => all[1].Messages.Count == threads * each && all[2].Messages.Count == threads * each);
            foreach (Thread sender in senders)
            {
                sender.Join();
            }
            Assert.AreEqual(0, refused);
            Thread disposer = new Thread(all[0].Dispose);
            disposer.Start();
            net.Await("the end", () => all[1].Disconnected.Count == 1);
            disposer.Join();
        }

        [Test]
        public void UpdateFromTwoThreadsRaisesNoEventTwice()
        {
            Member server = net.Serve("two threads");
            P2PClient client = Network.Open(() => new P2PClient(net.Url, "two threads", Network.Config()));
            int got = 0, inside = 0, overlaps = 0;
            client.OnReceivedMessage += message =>
            {
                if (Interlocked.Increment(ref inside) != 1)
                {
                    Interlocked.Increment(ref overlaps);
                }
                got++;
                Interlocked.Decrement(ref inside);
            };
            bool end = false;
            Thread other = new Thread(() =>
            {
                while (!Volatile.Read(ref end))
                {
                    client.UpdateClient();
                }
            });
            other.Start();
            int sent = 0;
            net.Await("all messages", () =>
            {
                client.UpdateClient();
                if (sent < 2000 && server.Room.SendMessageToAll(Bytes("x"), true) == 1)
                {
                    sent++;
                }
                return Volatile.Read(ref got) == 2000;
            });
            Volatile.Write(ref end, true);
            client.Dispose();
            other.Join();
            Assert.AreEqual(0, overlaps);
        }
    }
}
