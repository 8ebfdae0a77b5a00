using System;
using NUnit.Framework;

namespace UnityP2P.Tests
{
    [TestFixture]
    public sealed class CallbackTests : NetworkTest
    {
        [Test]
        public void AnExceptionInACallbackIsLoggedAndCostsNothing()
        {
            Member[] all = net.Mesh(1);
            int after = 0;
            all[1].Room.OnReceivedMessage += message => { throw new InvalidOperationException("of the game"); };
            all[1].Room.OnReceivedMessage += message => after++;
            for (int i = 0; i < 100; i++)
            {
                all[0].Room.SendMessageToAll(BitConverter.GetBytes(i), true);
            }
            net.Await("all messages", () => after == 100 && all[1].Messages.Count == 100);
            Assert.IsTrue(net.Logged("an exception in OnReceivedMessage: System.InvalidOperationException: of the game"));
            all[1].Room.OnDisconnection += id => { throw new InvalidOperationException("at the end"); };
            all[0].Dispose();
            net.Await("the end", () => all[1].Disconnected.Count == 1);
            Assert.AreEqual(0, all[1].Room.peers.Count);
        }

        [Test]
        public void ExceptionsInEveryOtherCallbackAreLogged()
        {
            Member server = net.Serve("callbacks");
            server.Room.OnStateChanged += state => { throw new InvalidOperationException(); };
            server.Room.OnConnection += id => { throw new InvalidOperationException(); };
            Member client = net.Join("callbacks");
            client.Room.OnError += error => { throw new InvalidOperationException(); };
            net.Await("the connection", () => client.Connected.Count == 1 && server.Connected.Count == 1);
            server.Room.Disconnect(Only(server));
            net.Await("the removal", () => client.Room.State == P2PState.Failed);
            Assert.IsTrue(net.Logged("an exception in OnStateChanged"));
            Assert.IsTrue(net.Logged("an exception in OnConnection"));
            Assert.IsTrue(net.Logged("an exception in OnError"));
        }

        private sealed class Unprintable : Exception
        {
            public override string ToString()
            {
                throw new InvalidOperationException("of ToString");
            }
        }

        [Test]
        public void AnExceptionThatCannotBePrintedCostsNothing()
        {
            Member[] all = net.Mesh(1);
            all[1].Room.OnReceivedMessage += message => { throw new Unprintable(); };
            for (int i = 0; i < 10; i++)
            {
                all[0].Room.SendMessageToAll(Bytes("x"), true);
            }
            net.Await("all messages", () => all[1].Messages.Count == 10);
            Assert.IsTrue(net.Logged("an exception in OnReceivedMessage: UnityP2P.Tests.CallbackTests+Unprintable"), net.LogText());
        }

        [Test]
        public void ASignalingServersSubscribersAreIndependent()
        {
            int after = 0;
            using (P2PSignaling signaling = Network.Open(() => new P2PSignaling(0, "127.0.0.1")))
            {
                signaling.OnListening += port => { throw new InvalidOperationException("of the first"); };
                signaling.OnListening += port => after = port;
                signaling.OnListening += port => signaling.Dispose();
                signaling.OnListening += port => after = -1;
                net.Await("the second", () =>
                {
                    signaling.UpdateSignaling();
                    return after != 0;
                });
                Assert.AreEqual(signaling.Port, after, "an event after Dispose");
                Assert.AreEqual(P2PState.Disposed, signaling.State);
            }
            Assert.IsTrue(net.Logged("an exception in OnListening: System.InvalidOperationException: of the first"));
        }

        [Test]
        public void ASinkThatThrowsCostsNothing()
        {
            Member[] all = net.Mesh(1);
            P2PLog.Sink = (level, line) => { throw new InvalidOperationException(); };
            all[1].Room.OnReceivedMessage += message => { throw new InvalidOperationException(); };
            all[0].Room.SendMessageToAll(Bytes("x"), true);
            all[0].Room.SendMessageToAll(Bytes("y"), true);
            net.Await("both", () => all[1].Messages.Count == 2);
        }

        [Test]
        public void HandlersComeAndGoAsWithAnyEvent()
        {
            Member[] all = net.Mesh(1);
            int first = 0, second = 0;
            P2PRoom.ReceivedMessageCallback one = message => first++;
            P2PServer.ReceivedMessageCallback two = null;
            two = message =>
            {
                second++;
                all[1].Room.OnReceivedMessage -= two;
            };
            all[1].Room.OnReceivedMessage += one;
            all[1].Room.OnReceivedMessage += two;
            all[1].Room.OnReceivedMessage += null;
            all[1].Room.OnReceivedMessage -= null;
            all[0].Room.SendMessageToAll(Bytes("x"), true);
            all[0].Room.SendMessageToAll(Bytes("y"), true);
            net.Await("both", () => all[1].Messages.Count == 2);
            all[1].Room.OnReceivedMessage -= one;
            all[0].Room.SendMessageToAll(Bytes("z"), true);
            net.Await("the third", () => all[1].Messages.Count == 3);
            Assert.AreEqual(2, first);
            Assert.AreEqual(1, second);
        }
    }
}
