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
    /// too large.
    /// </summary>
    internal sealed class Inbox
    {
        private const int MaxEvents = 256;
        private const int SmallArena = 64 << 10;
        private const int KeepLargeFor = 300; // calls of Take

        private static readonly uint BatchSize = (uint)Marshal.SizeOf(typeof(Native.Batch));

        private readonly ulong handle;
        private readonly IntPtr waiting;
        private readonly long patience; // in ticks of Stopwatch
        private readonly Native.Event[] events = new Native.Event[MaxEvents];
        private byte[] arena = new byte[SmallArena];
        private GCHandle eventsPin;
        private GCHandle arenaPin;
        private int unused; // calls of Take since the large arena was needed

        // Who holds it may touch the buffers: a Take, or for good who freed them.
        private int busy;
        private volatile bool closed;

        public Inbox(ulong handle, int patienceMilliseconds)
        {
            this.handle = handle;
            waiting = Native.P2P_WaitingFlag(handle);
            patience = (patienceMilliseconds == 0 ? 10 : patienceMilliseconds) * Stopwatch.Frequency / 1000;
            eventsPin = GCHandle.Alloc(events, GCHandleType.Pinned);
            arenaPin = GCHandle.Alloc(arena, GCHandleType.Pinned);
        }

        /// <summary>Whether Close was called, or the handle is gone.</summary>
        public bool Closed { get { return closed; } }

        /// <summary>How many bytes the buffer has.</summary>
        public int ArenaSize { get { return arena.Length; } }

        /// <summary>
        /// Hands over what has come. Returns false, having done nothing, if
        /// nothing was waiting. Inside a Take, a Take does nothing.
        /// </summary>
        public bool Take(IReceiver receiver)
        {
            if (waiting != IntPtr.Zero && Marshal.ReadInt32(waiting) == 0 && arena.Length == SmallArena)
            {
                return false;
            }
            if (closed || Interlocked.CompareExchange(ref busy, 1, 0) != 0)
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
                if (closed)
                {
                    Free();
                }
            }
        }

        /// <summary>No event is handed over any more. From any thread, also inside a Take.</summary>
        public void Close()
        {
            closed = true;
            Free();
        }

        private bool Drain(IReceiver receiver)
        {
            long began = Stopwatch.GetTimestamp();
            bool any = false;
            uint used = 0;
            while (!closed)
            {
                Native.Batch batch = new Native.Batch();
                batch.struct_size = BatchSize;
                batch.arena = arenaPin.AddrOfPinnedObject();
                batch.arena_size = (uint)arena.Length;
                int count = Native.P2P_Poll(handle, eventsPin.AddrOfPinnedObject(), MaxEvents, ref batch);
                if (count < 0)
                {
                    closed = closed || count == Native.InvalidHandle;
                    break;
                }
                any = any || count > 0;
                used = Math.Max(used, Math.Max(batch.arena_used, batch.needed));
                for (int i = 0; i < count && !closed; i++)
                {
                    receiver.Receive(ref events[i], arena);
                }
                if (batch.needed > arena.Length)
                {
                    Resize((int)batch.needed);
                }
                else if (batch.more == 0 || Stopwatch.GetTimestamp() - began > patience)
                {
                    break;
                }
            }
            Shrink(used);
            return any;
        }

        private void Shrink(uint used)
        {
            unused = used > SmallArena ? 0 : unused + 1;
            if (arena.Length > SmallArena && unused > KeepLargeFor && !closed)
            {
                Resize(SmallArena);
            }
        }

        private void Resize(int size)
        {
            arenaPin.Free();
            arena = new byte[size];
            arenaPin = GCHandle.Alloc(arena, GCHandleType.Pinned);
            unused = 0;
        }

        // Unpins, if nobody is using the buffers; a Take that is does it at its end.
        private void Free()
        {
            if (Interlocked.CompareExchange(ref busy, 1, 0) == 0)
            {
                eventsPin.Free();
                arenaPin.Free();
            }
        }
    }
}
