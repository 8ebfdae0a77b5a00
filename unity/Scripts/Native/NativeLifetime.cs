using System.Threading;

namespace UnityP2P
{
    /// <summary>
    /// One of the library's handles, which ends once: by Dispose of the object
    /// that opened it, by that object's finalizer, or by P2PRooms, which knows
    /// handles and not objects, so that forgotten ones are still collected.
    /// </summary>
    internal sealed class NativeLifetime
    {
        /// <summary>The library's number.</summary>
        public readonly ulong Handle;

        private int ended;

        public NativeLifetime(ulong handle)
        {
            Handle = handle;
        }

        /// <summary>Whether no event may be raised any more.</summary>
        public bool Ended { get { return Volatile.Read(ref ended) != 0; } }

        /// <summary>Ends it, the first time. Waits for nothing.</summary>
        public void End()
        {
            if (Interlocked.Exchange(ref ended, 1) == 0)
            {
                Native.P2P_Dispose(Handle);
            }
        }
    }
}
