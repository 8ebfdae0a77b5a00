using System;
using System.Collections.Generic;
using System.Threading;
using NUnit.Framework;

namespace UnityP2P.Tests
{
    /// <summary>The collector, signals and faults of the runtime, beside the library.</summary>
    [TestFixture]
    public sealed class StressTests : NetworkTest
    {
        private const int CollectorThreads = 8;

        private static double Seconds
        {
            get
            {
                string minutes = Environment.GetEnvironmentVariable("UNITYP2P_GC_STRESS_MINUTES");
                return string.IsNullOrEmpty(minutes) ? 20 : 60 * double.Parse(minutes);
            }
        }

        [Test]
        public void TheCollectorRunsOnEightThreadsWhileMessagesMove()
        {
            Member[] all = net.Mesh(2);
            bool end = false;
            int missed = 0;
            List<Thread> threads = new List<Thread>();
            for (int t = 0; t < CollectorThreads; t++)
            {
                Thread thread = new Thread(() => Churn(all[0].Room, ref end, ref missed));
                thread.Start();
                threads.Add(thread);
            }
            DateTime until = DateTime.UtcNow.AddSeconds(Seconds);
            int rounds = 0;
            byte[] data = new byte[1000];
            while (DateTime.UtcNow < until)
            {
                foreach (Member member in all)
                {
                    member.Room.SendMessageToAll(data, true);
                    member.Room.SendMessageToAll(data, false);
                }
                net.Update();
                rounds++;
                if (rounds % 100 == 0)
                {
                    GC.Collect();
                }
                foreach (Member member in all)
                {
                    member.Messages.Clear();
                }
                Thread.Sleep(1);
            }
            Volatile.Write(ref end, true);
            foreach (Thread thread in threads)
            {
                thread.Join();
            }
            Assert.IsTrue(rounds > 10);
            Assert.AreEqual(0, missed, "faults that were no exceptions");
            all[0].Room.SendMessageToAll(Bytes("the end"), true);
            net.Await("the last message", () => all[1].Messages.Exists(m => m.Text == "the end"));
            Assert.AreEqual(0, all[0].Disconnected.Count);
        }

        // Allocates, keeps a little, calls into the library, and catches faults.
        private static void Churn(P2PRoom room, ref bool end, ref int missed)
        {
            byte[][] kept = new byte[64][];
            byte[] small = new byte[16];
            int i = 0;
            while (!Volatile.Read(ref end))
            {
                i++;
                kept[i % kept.Length] = new byte[i % 5000];
                if (i % 1000 == 0)
                {
                    room.SendMessageToAll(small, false);
                    P2PStats stats;
                    room.TryGetStats(out stats);
                    if (Faults(null, 0) != 2)
                    {
                        Interlocked.Increment(ref missed);
                    }
                    Thread.Sleep(1);
                }
            }
        }

        [Test]
        public void FaultsOfTheGameAreItsOwnExceptions()
        {
            Member[] all = net.Mesh(1);
            int faults = 0;
            for (int i = 0; i < 10000; i++)
            {
                faults += Faults(null, 0);
                if (i % 100 == 0)
                {
                    all[0].Room.SendMessageToAll(Bytes("alive"), true);
                    net.Update();
                }
            }
            Assert.AreEqual(20000, faults);
            net.Await("the messages", () => all[1].Messages.Count == 100);
        }

        // A signal each, which the runtime turns into an exception: 2.
        private static int Faults(string nothing, int zero)
        {
            int caught = 0;
            try
            {
                caught -= nothing.Length;
            }
            catch (NullReferenceException)
            {
                caught++;
            }
            try
            {
                caught -= 1 / zero;
            }
            catch (DivideByZeroException)
            {
                caught++;
            }
            return caught;
        }
    }
}
