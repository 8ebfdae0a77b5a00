using System;
using System.Collections.Generic;
using NUnit.Framework;

namespace UnityP2P.Tests
{
    [TestFixture]
    public sealed class RoomTests : NetworkTest
    {
        [Test]
        public void EveryoneConnectsToEveryoneAndIsHeardDirectly()
        {
            Member[] all = net.Mesh(3);
            foreach (Member member in all)
            {
                Assert.AreEqual(3, member.Room.SendMessageToAll(Bytes("from " + member.Room.GetHashCode()), true));
            }
            net.Await("three messages each", () => System.Array.TrueForAll(all, m => m.Messages.Count == 3));
            foreach (Member member in all)
            {
                HashSet<ConnectionId> from = new HashSet<ConnectionId>();
                foreach (Received message in member.Messages)
                {
                    from.Add(message.From);
                    Assert.IsTrue(message.Text.StartsWith("from "));
                }
                Assert.AreEqual(3, from.Count);
            }
        }

        [Test]
        public void PeersHasAMemberBeforeOnConnectionAndLacksItBeforeOnDisconnection()
        {
            Member server = net.Serve("peers");
            bool there = false, gone = false;
            server.Room.OnConnection += id => there = server.Room.peers.ContainsKey(id.ToString());
            server.Room.OnDisconnection += id => gone = !server.Room.peers.ContainsKey(id.ToString());
            Member client = net.Join("peers");
            net.Await("the connection", () => server.Connected.Count == 1);
            Assert.IsTrue(there);
            Assert.AreEqual(server.Connected[0], server.Room.peers[server.Connected[0].ToString()]);
            client.Dispose();
            Assert.AreEqual(1, server.Room.peers.Count, "peers changed outside of Update");
            net.Await("the end", () => server.Disconnected.Count == 1);
            Assert.IsTrue(gone);
            Assert.AreEqual(server.Connected[0], server.Disconnected[0]);
            Assert.AreEqual(P2PDisconnectReason.Left, server.Reasons[0]);
        }

        [Test]
        public void AClientThatComesFirstWaitsForItsServer()
        {
            Member client = net.Join("later");
            net.Await("being told", () => client.Errors.Count > 0);
            Assert.AreEqual(P2PErrorCode.NoHost, client.Errors[0].Code);
            Assert.IsFalse(client.Errors[0].IsFinal);
            Assert.AreEqual(P2PState.Connecting, client.Room.State);
            net.Await("the log", () => net.Logged("room \"later\": "));
            Member server = net.Serve("later");
            net.Await("the connection", () => client.Room.State == P2PState.Connected && server.Connected.Count == 1);
        }

        [Test]
        public void ASecondServerHearsThatTheRoomIsTaken()
        {
            Member first = net.Serve("taken");
            net.Await("the room", () => first.Room.State == P2PState.Connected);
            Member second = net.Serve("taken");
            net.Await("being told", () => second.Errors.Count > 0);
            Assert.AreEqual(P2PErrorCode.RoomTaken, second.Errors[0].Code);
            first.Dispose();
            net.Await("its turn", () => second.Room.State == P2PState.Connected);
        }

        [Test]
        public void MemberIdsAreTheSameEverywhere()
        {
            Member[] all = net.Mesh(2);
            P2PRoom server = all[0].Room, one = all[1].Room, two = all[2].Room;
            ConnectionId serverAtOne = Find(one, true), twoAtOne = Find(one, false);
            Assert.AreEqual(one.GetMemberId(serverAtOne), two.GetMemberId(Find(two, true)));
            ulong twoId = one.GetMemberId(twoAtOne);
            Assert.AreEqual(twoAtOne, one.FindMember(twoId));
            Assert.IsTrue(server.FindMember(twoId).IsValid());
            Assert.AreEqual(ConnectionId.INVALID, two.FindMember(twoId), "it is its own");
            Assert.AreEqual(0UL, one.GetMemberId(new ConnectionId(999)));
        }

        private static ConnectionId Find(P2PRoom room, bool server)
        {
            foreach (ConnectionId id in room.peers.Values)
            {
                if (room.IsServer(id) == server)
                {
                    return id;
                }
            }
            return ConnectionId.INVALID;
        }

        [Test]
        public void WhoIsGoneIsStillKnownInsideOnDisconnection()
        {
            Member[] all = net.Mesh(2);
            P2PRoom room = all[1].Room;
            ConnectionId server = Find(room, true);
            ulong id = room.GetMemberId(server);
            ulong seen = 0;
            bool wasServer = false, sent = true, found = true;
            room.OnDisconnection += gone =>
            {
                seen = room.GetMemberId(gone);
                wasServer = room.IsServer(gone);
                sent = room.SendMessage(gone, Bytes("x"), true);
                found = room.FindMember(id).IsValid();
            };
            all[0].Dispose();
            net.Await("its end", () => all[1].Disconnected.Count == 1);
            Assert.AreEqual(id, seen);
            Assert.IsTrue(wasServer);
            Assert.IsFalse(sent || found);
            Assert.AreEqual(0UL, room.GetMemberId(server));
            Assert.IsFalse(room.IsServer(server));
        }

        // The library knows a member from the moment its event is taken; the game,
        // when OnConnection is raised. What OnConnection sends must come first.
        [Test]
        public void NobodyHearsABroadcastBeforeItsOnConnection()
        {
            bool together = false;
            using (P2PServer server = Network.Open(() => new P2PServer(net.Url, "newcomers", Network.Config())))
            {
                int updates = 0, relayed = 0, connected = 0, relayedIn = -1, connectedIn = -1;
                server.OnReceivedMessage += message =>
                {
                    relayed++;
                    relayedIn = updates;
                    Assert.AreEqual(server.peers.Count, server.SendMessageToAll(Bytes("relayed"), true));
                };
                server.OnConnection += id =>
                {
                    connected++;
                    connectedIn = updates;
                    server.SendMessage(id, Bytes("hello"), true);
                };
                Member first = net.Join("newcomers");
                net.Await("the first", () =>
                {
                    server.UpdateServer();
                    return connected == 1 && first.Room.peers.Count == 1;
                });
                for (int i = 0; i < 10 && !together; i++)
                {
                    int before = relayed;
                    P2PStats stats;
                    first.Room.SendMessage(Find(first.Room, true), Bytes("to all"), true);
                    net.Await("the message at the server", () => first.Room.TryGetStats(out stats) &&
                        stats.MessagesSent > before && stats.UnsentBytes == 0);
                    Member next = net.Join("newcomers");
                    net.Await("the next", () => Find(next.Room, true).IsValid());
                    net.Await("both events", () =>
                    {
                        updates++;
                        server.UpdateServer();
                        return relayed == before + 1 && connected == i + 2;
                    });
                    together = relayedIn == connectedIn;
                    net.Await("the first word", () => next.Messages.Exists(m => m.Text == "hello"));
                    Assert.AreEqual("hello", next.Messages[0].Text);
                }
            }
            Assert.IsTrue(together, "message and newcomer never came in one Update");
            Assert.IsFalse(net.Logged("an exception"), net.LogText());
        }

        [Test]
        public void AServerRemovesAClientFromTheWholeRoom()
        {
            Member[] all = net.Mesh(2);
            ConnectionId removed = all[0].Connected[0];
            ulong id = all[0].Room.GetMemberId(removed);
            Assert.IsTrue(all[0].Room.Disconnect(removed));
            Member other = all[1].Room.FindMember(id).IsValid() ? all[1] : all[2];
            Member victim = other == all[1] ? all[2] : all[1];
            net.Await("the removal", () => victim.Room.State == P2PState.Failed &&
                all[0].Room.peers.Count == 1 && other.Room.peers.Count == 1);
            Assert.AreEqual(P2PDisconnectReason.Local, all[0].Reasons[0]);
            P2PError last = victim.Errors[victim.Errors.Count - 1];
            Assert.AreEqual(P2PErrorCode.Removed, last.Code);
            Assert.IsTrue(last.IsFinal);
        }

        [Test]
        public void ClientsStayTogetherWhenTheServerIsGone()
        {
            Member[] all = net.Mesh(2);
            all[0].Dispose();
            net.Await("its end", () => all[1].Disconnected.Count == 1 && all[2].Disconnected.Count == 1);
            Assert.AreEqual(P2PState.Connecting, all[1].Room.State);
            Assert.AreEqual(1, all[1].Room.SendMessageToAll(Bytes("still here"), true));
            net.Await("the message", () => all[2].Messages.Count == 1);
        }

        [Test]
        public void StatisticsCountWhatWasSent()
        {
            Member[] all = net.Mesh(1);
            ConnectionId id = Only(all[0]);
            all[0].Room.SendMessage(id, new byte[1000], true);
            net.Await("the message", () => all[1].Messages.Count == 1);
            P2PStats one = new P2PStats();
            net.Await("statistics", () => all[0].Room.TryGetStats(id, out one) && one.BytesSent == 1000);
            Assert.AreEqual(1, one.MessagesSent);
            Assert.AreEqual(1, one.Members);
            Assert.AreEqual(P2PPath.Host, one.Path);
            Assert.IsTrue(one.LocalCandidate.StartsWith("127.0.0.1:"), one.LocalCandidate);
            Assert.IsTrue(one.RemoteCandidate.StartsWith("127.0.0.1:"), one.RemoteCandidate);
            P2PStats total = new P2PStats();
            net.Await("the sum", () => all[0].Room.TryGetStats(out total) && total.BytesSent == 1000);
            Assert.IsFalse(all[0].Room.TryGetStats(new ConnectionId(999), out one));
        }

        [Test]
        public void ABadNetworkIsLate()
        {
            Member[] all = net.Mesh(1);
            P2PPathConditions late = new P2PPathConditions();
            late.LatencyMilliseconds = 60;
            all[0].Room.SetNetworkConditions(new P2PNetworkConditions(late));
            ConnectionId id = Only(all[1]);
            P2PStats stats = new P2PStats();
            net.Await("the round trip", () => all[1].Room.TryGetStats(id, out stats) && stats.RoundTripMilliseconds > 50);
            all[0].Room.SetNetworkConditions(null);
            all[0].Room.SendMessageToAll(Bytes("good again"), true);
            net.Await("the message", () => all[1].Messages.Count == 1);
        }

        [Test]
        public void AnImpossibleNetworkIsRefused()
        {
            Member server = net.Serve("refused");
            P2PNetworkConditions wrong = new P2PNetworkConditions();
            wrong.Send.LossPercent = 101;
            Assert.Throws<ArgumentException>(() => server.Room.SetNetworkConditions(wrong));
            wrong.Send.LossPercent = float.NaN;
            Assert.Throws<ArgumentException>(() => server.Room.SetNetworkConditions(wrong));
            wrong.Send.LossPercent = 0;
            wrong.Receive.LatencyMilliseconds = -1;
            Assert.Throws<ArgumentOutOfRangeException>(() => server.Room.SetNetworkConditions(wrong));
            server.Dispose();
            server.Room.SetNetworkConditions(null);
        }

        [Test]
        public void ARoomOutlivesAPauseOfThePhone()
        {
            Member[] all = net.Mesh(1);
            P2PRooms.Suspend();
            P2PRooms.Suspend();
            net.Update();
            P2PRooms.Resume();
            all[0].Room.SendMessageToAll(Bytes("on"), true);
            net.Await("life after the pause", () => all[1].Messages.Count == 1);
            net.Await("the room's name", () => all[0].Room.State == P2PState.Connected);
            Assert.AreEqual(1, all[0].Room.peers.Count);
        }
    }
}
