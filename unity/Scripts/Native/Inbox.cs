using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;

namespace UnityP2P
{
    /// <summary>What an Inbox hands its events to.</summary>
    internal interface IReceiver
    {
        /// <summary>Takes one event; a payload is in arena, valid until this returns.</summary>
        void Receive(ref Native.Event e, byte[] arena);
    }

    /// <summary>
    /// Takes a handle's events, one native call for all of a frame, into one
    /// pinned buffer that is reused: no garbage, whatever comes. The buffer
    /// grows for a message that is larger, and shrinks when it was long enough
    /// too large. What a frame has no time for stays here for the next.
    /// </summary>
    internal sealed class Inbox
    {
        private const int MaxEvents = 256;
        private const int SmallArena = 64 << 10;
        private const int KeepLargeFor = 300; // calls of Take

        private static readonly uint BatchSize = (uint)Marshal.SizeOf(typeof(Native.Batch));

        private readonly NativeLifetime lifetime;
        private readonly IntPtr waiting;
        private readonly long patience; // in ticks of Stopwatch
        private readonly Native.Event[] events = new Native.Event[MaxEvents];
        private byte[] arena = new byte[SmallArena];
        private GCHandle eventsPin;
        private GCHandle arenaPin;
        private int next;   // of events, the first not handed over
        private int taken;  // of events, how many there are
        private int needed; // the arena that the next message wants; else 0
        private int unused; // calls of Take since the large arena was needed

        // Who holds it may touch the buffers: a Take, or for good who freed them.
        private int busy;

        public Inbox(NativeLifetime lifetime, int patienceMilliseconds)
        {
            this.lifetime = lifetime;
            waiting = Native.P2P_WaitingFlag(lifetime.Handle);
            patience = (patienceMilliseconds == 0 ? 10 : patienceMilliseconds) * Stopwatch.Frequency / 1000;
            eventsPin = GCHandle.Alloc(events, GCHandleType.Pinned);
            arenaPin = GCHandle.Alloc(arena, GCHandleType.Pinned);
        }

        /// <summary>How many bytes the buffer has.</summary>
        public int ArenaSize { get { return arena.Length; } }

        /// <summary>
        /// Hands over what has come. Returns false, having done nothing, if
        /// nothing was waiting. Inside a Take, a Take does nothing.
        /// </summary>
        public bool Take(IReceiver receiver)
        {
            if (next == taken && arena.Length == SmallArena && waiting != IntPtr.Zero && Marshal.ReadInt32(waiting) == 0)
            {
                return false;
            }
            if (lifetime.Ended || Interlocked.CompareExchange(ref busy, 1, 0) != 0)
            {
                return false;
            }
            try
            {
                return Drain(receiver);
            }
            finally
            {
                Interlocked.Exchange(ref busy, 0);
                if (lifetime.Ended)
                {
                    Free();
                }
            }
        }

        /// <summary>
        /// Whether somebody is connected whose event was taken and not yet handed
        /// over: the library sends to it, and the game does not know it.
        /// </summary>
        public bool HasNewcomers()
        {
            for (int i = next; i < taken; i++)
            {
                if (events[i].type == Native.EventConnected)
                {
                    return true;
                }
            }
            return false;
        }

        /// <summary>
        /// Unpins the buffers, when the handle has ended, if nobody is using
        /// them; a Take that is does it at its end. Any number of times.
        /// </summary>
        public void Free()
        {
            if (Interlocked.CompareExchange(ref busy, 1, 0) == 0)
            {
                eventsPin.Free();
                arenaPin.Free();
            }
        }

        private bool Drain(IReceiver receiver)
        {
            long began = Stopwatch.GetTimestamp();
            bool any = false, more = true;
            int used = 0;
            while (!lifetime.Ended)
            {
                if (next < taken)
                {
                    any = true;
                    receiver.Receive(ref events[next++], arena);
                    if (Stopwatch.GetTimestamp() - began > patience)
                    {
                        break;
                    }
                }
                else if (more)
                {
                    more = Fetch(ref used);
                }
                else
                {
                    break;
                }
            }
            Shrink(used);
            return any;
        }

        // One call of the library. Returns whether another may bring more.
        private bool Fetch(ref int used)
        {
            if (needed > arena.Length)
            {
                Resize(needed);
            }
            Native.Batch batch = new Native.Batch();
            batch.struct_size = BatchSize;
            batch.arena = arenaPin.AddrOfPinnedObject();
            batch.arena_size = (uint)arena.Length;
            next = taken = 0;
            int count = Native.P2P_Poll(lifetime.Handle, eventsPin.AddrOfPinnedObject(), MaxEvents, ref batch);
            if (count < 0)
            {
                return false;
            }
            taken = count;
            needed = (int)batch.needed;
            used = Math.Max(used, Math.Max((int)batch.arena_used, needed));
            return needed != 0 || batch.more != 0;
        }

        private void Shrink(int used)
        {
            unused = used > SmallArena || next < taken ? 0 : unused + 1;
            if (arena.Length > SmallArena && unused > KeepLargeFor && !lifetime.Ended)
            {
                Resize(SmallArena);
            }
        }

        private void Resize(int size)
        {
            byte[] other = new byte[size]; // first, because it may throw
            arenaPin.Free();
            arena = other;
            arenaPin = GCHandle.Alloc(arena, GCHandleType.Pinned);
            unused = 0;
        }
    }
}
