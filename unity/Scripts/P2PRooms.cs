using System;
using System.Collections.Generic;

namespace UnityP2P
{
    /// <summary>
    /// All rooms and signaling servers of this process. In Unity the hooks of
    /// this package call it: when play mode ends, before scripts are reloaded,
    /// when the game quits, when a phone sends it to the background.
    /// </summary>
    public static class P2PRooms
    {
        private const int GoodbyeMilliseconds = 300;

        private static readonly object gate = new object();
        private static readonly List<ulong> handles = new List<ulong>();
        private static bool used;

        // Explicit, so that the hooks stand before the first room does.
        static P2PRooms()
        {
            AppDomain.CurrentDomain.DomainUnload += OnDomainUnload;
            AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
        }

        /// <summary>How many are open.</summary>
        public static int Count
        {
            get
            {
                lock (gate)
                {
                    return handles.Count;
                }
            }
        }

        /// <summary>Disposes all of them, without waiting; their objects raise no events any more.</summary>
        public static void DisposeAll()
        {
            ulong[] open;
            lock (gate)
            {
                open = handles.ToArray();
                handles.Clear();
            }
            foreach (ulong handle in open)
            {
                Native.P2P_Dispose(handle);
            }
        }

        /// <summary>
        /// For the end of the program: disposes all, and waits at most 300 ms for
        /// the goodbyes to leave. Nothing can be opened afterwards.
        /// </summary>
        public static void Quit()
        {
            DisposeAll();
            bool loaded;
            lock (gate)
            {
                loaded = used;
            }
            if (loaded)
            {
                Native.P2P_Shutdown(GoodbyeMilliseconds);
            }
        }

        /// <summary>The app goes to the background: lets go of the signaling server, and judges no silence.</summary>
        public static void Suspend()
        {
            foreach (ulong handle in Open())
            {
                Native.P2P_Suspend(handle);
            }
        }

        /// <summary>The app is back: connects anew what the system closed.</summary>
        public static void Resume()
        {
            foreach (ulong handle in Open())
            {
                Native.P2P_Resume(handle);
            }
        }

        internal static void Add(ulong handle)
        {
            lock (gate)
            {
                if (!used)
                {
                    used = true;
                    Native.P2P_SetLogLevel((uint)P2PLog.Level);
                }
                handles.Add(handle);
            }
        }

        internal static void Dispose(ulong handle)
        {
            lock (gate)
            {
                handles.Remove(handle);
            }
            Native.P2P_Dispose(handle);
        }

        internal static void SetLogLevel(P2PLogLevel level)
        {
            lock (gate)
            {
                if (used)
                {
                    Native.P2P_SetLogLevel((uint)level);
                }
            }
        }

        private static ulong[] Open()
        {
            lock (gate)
            {
                return handles.ToArray();
            }
        }

        private static void OnDomainUnload(object sender, EventArgs e)
        {
            DisposeAll();
        }

        private static void OnProcessExit(object sender, EventArgs e)
        {
            Quit();
        }
    }
}
