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
        private static readonly List<NativeLifetime> open = new List<NativeLifetime>();
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
                    return open.Count;
                }
            }
        }

        /// <summary>
        /// Disposes all of them, without waiting; their objects raise no events
        /// any more, also if this is called inside a callback.
        /// </summary>
        public static void DisposeAll()
        {
            foreach (NativeLifetime lifetime in Open())
            {
                End(lifetime);
            }
        }

        /// <summary>
        /// For the end of the program: disposes all, and waits at most 300 ms for
        /// the goodbyes to leave. Nothing can be opened afterwards.
        /// </summary>
        public static void Quit()
        {
            DisposeAll();
            bool first;
            lock (gate)
            {
                first = used;
                used = false; // the next to call, at the end of the process, need not wait again
            }
            if (first)
            {
                Native.P2P_Shutdown(GoodbyeMilliseconds);
            }
        }

        /// <summary>The app goes to the background: lets go of the signaling server, and judges no silence.</summary>
        public static void Suspend()
        {
            foreach (NativeLifetime lifetime in Open())
            {
                Native.P2P_Suspend(lifetime.Handle);
            }
        }

        /// <summary>The app is back: connects anew what the system closed.</summary>
        public static void Resume()
        {
            foreach (NativeLifetime lifetime in Open())
            {
                Native.P2P_Resume(lifetime.Handle);
            }
        }

        /// <summary>Counts a handle that the library has just given.</summary>
        internal static NativeLifetime Add(ulong handle)
        {
            NativeLifetime lifetime = new NativeLifetime(handle);
            lock (gate)
            {
                if (!used)
                {
                    used = true;
                    Native.P2P_SetLogLevel((uint)P2PLog.Level);
                }
                open.Add(lifetime);
            }
            return lifetime;
        }

        /// <summary>Ends one, and counts it no more.</summary>
        internal static void End(NativeLifetime lifetime)
        {
            lock (gate)
            {
                open.Remove(lifetime);
            }
            lifetime.End();
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

        private static NativeLifetime[] Open()
        {
            lock (gate)
            {
                return open.ToArray();
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
