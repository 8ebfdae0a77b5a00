using System.Threading;

namespace UnityP2P
{
    /// <summary>Moves the library's log lines to P2PLog, now and then.</summary>
    internal static class LogLines
    {
        private const int Every = 64; // calls of Poll

        private static readonly object gate = new object();
        private static readonly byte[] line = new byte[1024];
        private static int calls;

        /// <summary>Call it every frame; it mostly does nothing.</summary>
        public static void Poll()
        {
            if (++calls % Every == 0) // a count that races is good enough
            {
                Take();
            }
        }

        /// <summary>Moves what there is, unless another thread does.</summary>
        public static void Take()
        {
            // Not a lock: the sink is the game's, and may wait for this thread.
            if (!Monitor.TryEnter(gate))
            {
                return;
            }
            try
            {
                uint level;
                while (Native.P2P_PollLog(ref line[0], (uint)line.Length, out level) > 0)
                {
                    P2PLog.Write((P2PLogLevel)level, NativeText.Read(line));
                }
            }
            finally
            {
                Monitor.Exit(gate);
            }
        }
    }
}
