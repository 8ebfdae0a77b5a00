using System;

namespace UnityP2P
{
    /// <summary>
    /// The subscribers of an event, as an array: so that each can be called on
    /// its own, and an exception of one costs the others nothing, without
    /// garbage for every message.
    /// </summary>
    internal sealed class Handlers
    {
        private static readonly Delegate[] None = new Delegate[0];

        private readonly object gate = new object();
        private Delegate all;
        private volatile Delegate[] list = None;

        /// <summary>Those subscribed now; never changes once returned.</summary>
        public Delegate[] List { get { return list; } }

        /// <summary>As += of an event.</summary>
        public void Add(Delegate handler)
        {
            lock (gate)
            {
                Set(Delegate.Combine(all, handler));
            }
        }

        /// <summary>As -= of an event.</summary>
        public void Remove(Delegate handler)
        {
            lock (gate)
            {
                Set(Delegate.Remove(all, handler));
            }
        }

        private void Set(Delegate combined)
        {
            all = combined;
            list = combined == null ? None : combined.GetInvocationList();
        }
    }
}
