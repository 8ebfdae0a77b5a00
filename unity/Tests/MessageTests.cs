using System;
using System.Collections.Generic;
using System.Threading;
using NUnit.Framework;

namespace UnityP2P.Tests
{
    [TestFixture]
    public sealed class MessageTests : NetworkTest
    {
        private static byte[] Pattern(int length)
        {
            byte[] bytes = new byte[length];
            for (int i = 0; i < length; i++)
            {
                bytes[i] = (byte)(i * 7 + i / 251);
            }
            return bytes;
        }

        [Test]
        public void EverySizeArrivesWholeAndInOrder()
        {
            Member[] all = net.Mesh(1);
            int[] sizes = { 0, 1, 2, 1199, 1200, 1201, 16384, 65535, 65536, 65537, 262144, 1 << 20, 16 << 20 };
            foreach (int size in sizes)
            {
                byte[] message = Pattern(size);
                net.Await("room to send", () => all[1].Room.SendMessage(Only(all[1]), message, true));
            }
            net.Await("all messages", () => all[0].Messages.Count == sizes.Length);
            for (int i = 0; i < sizes.Length; i++)
            {
                Assert.IsTrue(all[0].Messages[i].Reliable);
                Same(Pattern(sizes[i]), all[0].Messages[i].Bytes);
            }
        }

        private static void Same(byte[] want, byte[] got)
        {
            Assert.AreEqual(want.Length, got.Length);
            for (int i = 0; i < want.Length; i++)
            {
                if (want[i] != got[i])
                {
                    Assert.Fail("byte " + i + " of " + want.Length + " differs");
                }
            }
        }

        [Test]
        public void UnreliableMessagesSayThatTheyAre()
        {
            Member[] all = net.Mesh(1);
            net.Await("an unreliable message", () =>
            {
                all[0].Room.SendMessage(Only(all[0]), Bytes("perhaps"), false);
                return all[1].Messages.Count > 0;
            });
            Assert.IsFalse(all[1].Messages[0].Reliable);
            Assert.AreEqual("perhaps", all[1].Messages[0].Text);
        }

        [Test]
        public void APartOfAnArrayIsSent()
        {
            Member[] all = net.Mesh(2);
            byte[] data = Bytes("..hello..");
            ConnectionId first = all[0].Connected[0];
            Assert.IsTrue(all[0].Room.SendMessage(first, data, 2, 5, true));
            Assert.AreEqual(2, all[0].Room.SendMessage(data, 4, 3, true));
            Assert.AreEqual(2, all[0].Room.SendMessageToAll(data, 9, 0, true));
            net.Await("all parts", () => all[1].Messages.Count + all[2].Messages.Count == 5);
            Member got = all[1].Messages.Count == 3 ? all[1] : all[2];
            Assert.AreEqual("hello", got.Messages[0].Text);
            Assert.AreEqual("llo", got.Messages[1].Text);
            Assert.AreEqual("", got.Messages[2].Text);
        }

        [Test]
        public void TheBytesAreWhereTheOriginalHadThem()
        {
            Member[] all = net.Mesh(1);
            string seen = null;
            all[1].Room.OnReceivedMessage += message =>
            {
                byte[] buffer = message.MessageData;
                Assert.AreSame(buffer, message.MessageData.Buffer);
                Assert.IsNull(message.Info);
                seen = System.Text.Encoding.UTF8.GetString(buffer, message.MessageData.Offset, message.MessageData.ContentLength);
            };
            all[0].Room.SendMessageToAll(Bytes("one"), true);
            all[0].Room.SendMessageToAll(Bytes("two"), true);
            net.Await("both", () => seen == "two");
        }

        [Test]
        public void WhoKeepsABufferIsShownInTheDebugMode()
        {
            P2PConfig config = Network.Config();
            config.OverwriteUsedBuffers = true;
            Member[] all = net.Mesh(1, config);
            byte[] kept = null;
            int offset = 0;
            all[1].Room.OnReceivedMessage += message =>
            {
                kept = message.MessageData.Buffer;
                offset = message.MessageData.Offset;
                Assert.AreEqual((byte)'s', kept[offset]);
            };
            all[0].Room.SendMessageToAll(Bytes("secret"), true);
            net.Await("the message", () => kept != null);
            Assert.AreEqual(0xdd, kept[offset]);
            Assert.AreEqual("secret", all[1].Messages[0].Text, "a copy stays");
        }

        [Test]
        public void ABurstComesInOrderThoughAnUpdateIsBounded()
        {
            P2PConfig config = Network.Config();
            config.MaxUpdateMilliseconds = 1;
            Member[] all = net.Mesh(1, config);
            int next = 0;
            all[1].Room.OnReceivedMessage += message => next++;
            const int count = 20000;
            int sent = 0;
            byte[] data = new byte[100];
            net.Await("all of the burst", () =>
            {
                while (sent < count && all[0].Room.SendMessage(Only(all[0]), Number(data, sent), true))
                {
                    sent++;
                }
                return all[1].Messages.Count == count;
            });
            for (int i = 0; i < count; i++)
            {
                Assert.AreEqual(i, BitConverter.ToInt32(all[1].Messages[i].Bytes, 0));
            }
        }

        private static byte[] Number(byte[] data, int number)
        {
            data[0] = (byte)number;
            data[1] = (byte)(number >> 8);
            data[2] = (byte)(number >> 16);
            data[3] = (byte)(number >> 24);
            return data;
        }

        [Test]
        public void AnUpdateIsBoundedThoughCallbacksAreSlow()
        {
            const int count = 100;
            P2PConfig config = Network.Config();
            config.MaxUpdateMilliseconds = 1;
            Member server = net.Serve("slow");
            using (P2PClient client = Network.Open(() => new P2PClient(net.Url, "slow", config)))
            {
                List<int> got = new List<int>();
                client.OnReceivedMessage += message =>
                {
                    got.Add(BitConverter.ToInt32(message.MessageData.Buffer, message.MessageData.Offset));
                    Thread.Sleep(2);
                };
                net.Await("the connection", () =>
                {
                    client.UpdateClient();
                    return server.Connected.Count == 1 && client.peers.Count == 1;
                });
                for (int i = 0; i < count; i++)
                {
                    Assert.IsTrue(server.Room.SendMessage(Only(server), BitConverter.GetBytes(i), true));
                }
                P2PStats stats;
                net.Await("all to be there", () => server.Room.TryGetStats(out stats) &&
                    stats.MessagesSent == count && stats.UnsentBytes == 0);
                for (int i = 0; i < count; i++)
                {
                    int before = got.Count;
                    client.UpdateClient();
                    Assert.IsTrue(got.Count <= before + 1, "an Update went on when its time was over");
                }
                net.Await("the rest", () =>
                {
                    client.UpdateClient();
                    return got.Count == count;
                });
                for (int i = 0; i < count; i++)
                {
                    Assert.AreEqual(i, got[i]);
                }
            }
        }

        [Test]
        public void AGiantAmongSmallOnesArrivesThoughEveryUpdateIsShort()
        {
            P2PConfig config = Network.Config();
            config.MaxUpdateMilliseconds = 1;
            Member[] all = net.Mesh(1, config);
            all[1].Room.OnReceivedMessage += message => Thread.Sleep(2);
            int[] sizes = { 1, 2, 300000, 3, 4, 1 << 20, 5, 70000, 6 };
            foreach (int size in sizes)
            {
                Assert.IsTrue(all[0].Room.SendMessage(Only(all[0]), Pattern(size), true));
            }
            net.Await("all messages", () => all[1].Messages.Count == sizes.Length);
            for (int i = 0; i < sizes.Length; i++)
            {
                Same(Pattern(sizes[i]), all[1].Messages[i].Bytes);
            }
        }

        [Test]
        public void AFullSendBufferTakesNothingAndSaysSo()
        {
            P2PConfig config = Network.Config();
            config.SendBuffer = 64 << 10;
            config.ReceiveBuffer = 64 << 10;
            Member server = net.Serve("full", config);
            Member client = net.Join("full", config);
            net.Await("the connection", () => server.Connected.Count == 1 && client.Connected.Count == 1);
            ConnectionId id = Only(server);
            byte[] data = new byte[16 << 10];
            int taken = 0;
            // Nobody updates the client: its buffer and then ours fill up.
            while (server.Room.SendMessage(id, data, true))
            {
                taken++;
                Assert.IsTrue(taken < 1000, "the send buffer has no bound");
            }
            Assert.IsTrue(net.Logged("the send buffer is full"), net.LogText());
            for (int i = 0; i < 1000; i++)
            {
                taken += server.Room.SendMessage(id, data, true) ? 1 : 0; // the network takes some meanwhile
            }
            int lines = net.LogText().Split(new[] { "the send buffer is full" }, StringSplitOptions.None).Length - 1;
            Assert.IsTrue(lines < 20, lines + " lines in the log for one full buffer");
            net.Await("what was taken", () => client.Messages.Count == taken);
            net.Await("room again", () => server.Room.SendMessage(id, data, true));
        }

        [Test]
        public void TheBufferShrinksAgainAfterAGiant()
        {
            Inbox inbox = null;
            Member[] all = net.Mesh(1);
            inbox = all[1].Room.InboxForTests;
            int small = inbox.ArenaSize;
            all[0].Room.SendMessageToAll(new byte[3 << 20], true);
            net.Await("the giant", () => all[1].Messages.Count == 1);
            Assert.IsTrue(inbox.ArenaSize >= 3 << 20);
            net.Await("a small buffer", () => inbox.ArenaSize == small);
            all[0].Room.SendMessageToAll(Bytes("on"), true);
            net.Await("one more", () => all[1].Messages.Count == 2);
        }

        [Test]
        public void AHundredThousandMessagesMakeNoGarbage()
        {
            Member server = net.Serve("garbage");
            P2PClient client = Network.Open(() => new P2PClient(net.Url, "garbage", Network.Config()));
            try
            {
                int got = 0;
                client.OnReceivedMessage += message => got += message.MessageData.ContentLength > 0 ? 1 : 0;
                net.Await("the connection", () =>
                {
                    client.UpdateClient();
                    return server.Connected.Count == 1 && client.peers.Count == 1;
                });
                P2PServer host = (P2PServer)server.Room;
                ConnectionId id = Only(server);
                byte[] data = new byte[100];
                Exchange(host, client, id, data, 2000, ref got);
                GC.Collect();
                int collections = GC.CollectionCount(0);
                long before = GC.GetTotalMemory(false);
                const int count = 100000;
                Exchange(host, client, id, data, count, ref got);
                long grown = GC.GetTotalMemory(false) - before;
                Assert.AreEqual(collections, GC.CollectionCount(0), "garbage was collected");
                Assert.IsTrue(grown < count, "a byte or more for each message: " + grown);
            }
            finally
            {
                client.Dispose();
            }
        }

        // Keeps at most some hundred on their way, so that none is refused.
        private static void Exchange(P2PServer host, P2PClient client, ConnectionId id, byte[] data, int count, ref int got)
        {
            int sent = 0;
            int end = Environment.TickCount + 60000;
            got = 0;
            while (got < count)
            {
                if (sent < count && sent - got < 500 && host.SendMessage(id, data, true))
                {
                    sent++;
                }
                host.UpdateServer();
                client.UpdateClient();
                if (Environment.TickCount - end > 0)
                {
                    Assert.Fail("got " + got + " of " + count);
                }
            }
        }
    }
}
