using System;
using System.Runtime.InteropServices;

namespace UnityP2P
{
    /// <summary>
    /// A bad network, for trying a game before its players do:
    /// P2PRoom.SetNetworkConditions. What is left alone is as good as it really is.
    /// </summary>
    public sealed class P2PNetworkConditions
    {
        /// <summary>What leaves this room.</summary>
        public P2PPathConditions Send;

        /// <summary>What comes to it.</summary>
        public P2PPathConditions Receive;

        /// <summary>Makes chance repeat itself: the same packets meet the same fate. 0: something new each time.</summary>
        public int Seed;

        /// <summary>A good network, to be filled in.</summary>
        public P2PNetworkConditions()
        {
        }

        /// <summary>The same in both directions: the round trip is longer by twice the latency.</summary>
        public P2PNetworkConditions(P2PPathConditions bothWays)
        {
            Send = bothWays;
            Receive = bothWays;
        }

        internal Native.NetworkConditions Convert()
        {
            Native.NetworkConditions raw = new Native.NetworkConditions();
            raw.struct_size = (uint)Marshal.SizeOf(typeof(Native.NetworkConditions));
            raw.seed = unchecked((uint)Seed);
            raw.send_latency_ms = Natural(Send.LatencyMilliseconds, "LatencyMilliseconds");
            raw.send_jitter_ms = Natural(Send.JitterMilliseconds, "JitterMilliseconds");
            raw.send_loss_percent = Send.LossPercent;
            raw.send_duplication_percent = Send.DuplicationPercent;
            raw.send_reordering_percent = Send.ReorderingPercent;
            raw.send_rate_kbit = Natural(Send.RateKilobits, "RateKilobits");
            raw.receive_latency_ms = Natural(Receive.LatencyMilliseconds, "LatencyMilliseconds");
            raw.receive_jitter_ms = Natural(Receive.JitterMilliseconds, "JitterMilliseconds");
            raw.receive_loss_percent = Receive.LossPercent;
            raw.receive_duplication_percent = Receive.DuplicationPercent;
            raw.receive_reordering_percent = Receive.ReorderingPercent;
            raw.receive_rate_kbit = Natural(Receive.RateKilobits, "RateKilobits");
            return raw;
        }

        // What is larger than the library allows, it says itself.
        private static uint Natural(int value, string name)
        {
            if (value < 0)
            {
                throw new ArgumentOutOfRangeException(name, value, "it must not be negative");
            }
            return (uint)value;
        }
    }

    /// <summary>What happens to packets in one direction.</summary>
    public struct P2PPathConditions
    {
        /// <summary>Every packet is late by this, in ms; at most 10000.</summary>
        public int LatencyMilliseconds;

        /// <summary>And by up to this more, without overtaking another; at most 10000.</summary>
        public int JitterMilliseconds;

        /// <summary>How many of a hundred packets are lost; 100: nothing passes.</summary>
        public float LossPercent;

        /// <summary>How many of a hundred arrive twice.</summary>
        public float DuplicationPercent;

        /// <summary>How many of a hundred are held back for 50 ms more, so that later ones overtake them.</summary>
        public float ReorderingPercent;

        /// <summary>
        /// Thousands of bits a second that pass, packet headers included; 0: no limit.
        /// Packets that would wait for longer than half a second for it are lost, as in a
        /// router whose queue is full.
        /// </summary>
        public int RateKilobits;
    }
}
