using System;
using System.Runtime.CompilerServices;
using System.Threading;
using NUnit.Framework;

namespace UnityP2P.Tests
{
    [TestFixture]
    public sealed class LifetimeTests : NetworkTest
    {
        [Test]
        public void ManyRoomsComeAndGo()
        {
            int before = P2PRooms.Count;
            for (int i = 0; i < 300; i++) // more than there may be at once
            {
                using (P2PServer server = Network.Open(() => new P2PServer(net.Url, "one of many", Network.Config())))
                {
                    server.UpdateServer();
                }
            }
            Assert.AreEqual(before, P2PRooms.Count);
        }

        [Test]
        public void TooManyRoomsAtOnceAreRefusedWithASentence()
        {
            P2PClient[] all = new P2PClient[300];
            int opened = 0;
            try
            {
                P2PException refused = Assert.Throws<P2PException>(() =>
                {
                    for (; opened < all.Length; opened++)
                    {
                        all[opened] = new P2PClient(net.Url, "crowd", Network.Config());
                    }
                });
                Assert.AreEqual(Network.NoHandleFree, refused.Code);
                Assert.IsTrue(refused.Message.Length > 20, refused.Message);
            }
            finally
            {
                for (int i = 0; i < opened; i++)
                {
                    all[i].Dispose();
                }
            }
            Network.Open(() => new P2PClient(net.Url, "crowd", Network.Config())).Dispose();
        }

        [Test]
        public void AForgottenRoomIsDisposedByTheCollector()
        {
            int before = P2PRooms.Count;
            for (int i = 0; i < 20; i++)
            {
                Forget(i);
            }
            // A conservative collector may keep some.
            net.Await("the collector", () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return P2PRooms.Count < before + 10;
            });
            P2PRooms.DisposeAll();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Forget(int i)
        {
            Network.Open(() => new P2PServer(net.Url, "forgotten " + i, Network.Config())).UpdateServer();
        }

        [Test]
        public void DisposeAllEndsEveryRoomAndTheirObjectsStayHarmless()
        {
            Member[] all = net.Mesh(1);
            P2PRooms.DisposeAll();
            Assert.AreEqual(0, P2PRooms.Count);
            Assert.AreEqual(P2PState.Disposed, all[0].Room.State);
            all[0].Room.SendMessageToAll(Bytes("x"), true);
            for (int i = 0; i < 100; i++)
            {
                net.Update();
            }
            Assert.AreEqual(0, all[0].Disconnected.Count);
            all[0].Dispose();
        }

        [Test]
        public void DisposeAllInsideACallbackEndsTheEvents()
        {
            Member[] all = net.Mesh(1);
            int calls = 0;
            all[1].Room.OnReceivedMessage += message =>
            {
                calls++;
                P2PRooms.DisposeAll();
            };
            for (int i = 0; i < 50; i++)
            {
                all[0].Room.SendMessageToAll(Bytes("x"), true);
            }
            net.Await("the end", () => all[1].Room.State == P2PState.Disposed);
            Assert.AreEqual(1, calls);
            Assert.IsTrue(all[1].Messages.Count <= 1, "events after DisposeAll");
        }

        // The buffers are unpinned once, by whoever is the last to use them.
        [Test]
        public void DisposeByAnotherThreadAmidAnUpdateIsTheEndOfIt()
        {
            Member server = net.Serve("amid");
            byte[] data = new byte[100];
            for (int i = 0; i < 20; i++)
            {
                P2PClient client = Network.Open(() => new P2PClient(net.Url, "amid", Network.Config()));
                int got = 0;
                int limit = 1 + i * 20;
                ManualResetEvent enough = new ManualResetEvent(false);
                client.OnReceivedMessage += message =>
                {
                    if (++got == limit)
                    {
                        enough.Set();
                    }
                };
                bool end = false;
                Thread[] threads = { new Thread(() => UpdateUntil(client, ref end)), new Thread(() => UpdateUntil(client, ref end)) };
                Thread disposer = new Thread(() =>
                {
                    enough.WaitOne();
                    client.Dispose();
                    client.Dispose();
                });
                disposer.Start();
                Array.ForEach(threads, t => t.Start());
                net.Await("its end", () =>
                {
                    server.Room.SendMessageToAll(data, true);
                    return client.State == P2PState.Disposed;
                });
                disposer.Join();
                int after = Volatile.Read(ref got);
                client.UpdateClient();
                Assert.AreEqual(P2PState.Disposed, client.State);
                Volatile.Write(ref end, true);
                Array.ForEach(threads, t => t.Join());
                Assert.IsTrue(got <= after + 1, "events after Dispose");
            }
        }

        private static void UpdateUntil(P2PClient client, ref bool end)
        {
            while (!Volatile.Read(ref end))
            {
                client.UpdateClient();
            }
        }

        private sealed class MyServer : P2PServer
        {
            public MyServer(string signalingServer)
                : base(signalingServer, "derived", Network.Config())
            {
            }
        }

        // The original's classes were not sealed.
        [Test]
        public void AGameMayDeriveFromTheClasses()
        {
            MyServer server = Network.Open(() => new MyServer(net.Url));
            net.Await("the name", () =>
            {
                server.UpdateServer();
                return server.State == P2PState.Connected;
            });
            server.Dispose();
        }

        [Test]
        public void RoomsAreOpenedAndDisposedByManyThreadsAtOnce()
        {
            Exception failure = null;
            Thread[] threads = new Thread[8];
            for (int t = 0; t < threads.Length; t++)
            {
                int number = t;
                threads[t] = new Thread(() =>
                {
                    try
                    {
                        for (int i = 0; i < 20; i++)
                        {
                            string name = number + " " + i;
                            P2PServer server = Network.Open(() => new P2PServer(net.Url, name, Network.Config()));
                            server.UpdateServer();
                            server.Dispose();
                            server.UpdateServer();
                        }
                    }
                    catch (Exception e)
                    {
                        failure = e;
                    }
                });
                threads[t].Start();
            }
            foreach (Thread thread in threads)
            {
                thread.Join();
            }
            Assert.IsNull(failure);
        }

        [Test]
        public void ThePortOfASecondSignalingServerIsTaken()
        {
            using (P2PSignaling first = Network.Open(() => new P2PSignaling(0, "127.0.0.1")))
            {
                net.Await("the first", () =>
                {
                    first.UpdateSignaling();
                    return first.State == P2PState.Connected;
                });
                P2PError error = new P2PError();
                using (P2PSignaling second = Network.Open(() => new P2PSignaling(first.Port, "127.0.0.1")))
                {
                    second.OnError += e => error = e;
                    net.Await("its error", () =>
                    {
                        second.UpdateSignaling();
                        return error.Code != 0;
                    });
                    Assert.AreEqual(P2PErrorCode.AddressInUse, error.Code);
                    Assert.IsNull(second.LocalUrl);
                }
            }
        }
    }
}
