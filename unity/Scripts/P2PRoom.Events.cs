using System;

namespace UnityP2P
{
    public abstract partial class P2PRoom
    {
        /// <summary>Takes a message.</summary>
        public delegate void ReceivedMessageCallback(NetworkEvent message);

        /// <summary>Takes who is connected now.</summary>
        public delegate void OnConnectionCallback(ConnectionId connectionId);

        /// <summary>Takes who is gone.</summary>
        public delegate void OnDisconnectionCallback(ConnectionId connectionId);

        /// <summary>Takes what stands in the way.</summary>
        public delegate void OnErrorCallback(P2PError error);

        /// <summary>Takes the new state.</summary>
        public delegate void OnStateChangedCallback(P2PState state);

        /// <summary>Takes who is silent, or heard of again.</summary>
        public delegate void OnReachabilityChangedCallback(ConnectionId connectionId, bool reachable);

        /// <summary>Takes whose connection goes another way.</summary>
        public delegate void OnPathChangedCallback(ConnectionId connectionId);

        private readonly Handlers received = new Handlers();
        private readonly Handlers connected = new Handlers();
        private readonly Handlers disconnected = new Handlers();
        private readonly Handlers failed = new Handlers();
        private readonly Handlers changed = new Handlers();
        private readonly Handlers reachability = new Handlers();
        private readonly Handlers moved = new Handlers();

        /// <summary>A member sent a message. Its bytes are valid until the callback returns.</summary>
        public event ReceivedMessageCallback OnReceivedMessage
        {
            add { received.Add(value); }
            remove { received.Remove(value); }
        }

        /// <summary>A member is connected: before its first message, and one may send to it.</summary>
        public event OnConnectionCallback OnConnection
        {
            add { connected.Add(value); }
            remove { connected.Remove(value); }
        }

        /// <summary>A member is gone: after its last message, once. LastDisconnectReason says why.</summary>
        public event OnDisconnectionCallback OnDisconnection
        {
            add { disconnected.Add(value); }
            remove { disconnected.Remove(value); }
        }

        /// <summary>Something stands in the way of the room. It is logged as well.</summary>
        public event OnErrorCallback OnError
        {
            add { failed.Add(value); }
            remove { failed.Remove(value); }
        }

        /// <summary>State has changed. Not raised for Dispose.</summary>
        public event OnStateChangedCallback OnStateChanged
        {
            add { changed.Add(value); }
            remove { changed.Remove(value); }
        }

        /// <summary>
        /// Nothing was heard from a member for a while (false), or it was heard
        /// from again (true). It is still connected.
        /// </summary>
        public event OnReachabilityChangedCallback OnReachabilityChanged
        {
            add { reachability.Add(value); }
            remove { reachability.Remove(value); }
        }

        /// <summary>
        /// A connection goes on between other addresses: somebody moved to another
        /// network, or a way broke and another was found. Nothing reliable was lost.
        /// </summary>
        public event OnPathChangedCallback OnPathChanged
        {
            add { moved.Add(value); }
            remove { moved.Remove(value); }
        }

        // One method for each kind of callback: without garbage, and without
        // what IL2CPP cannot compile ahead of time.

        private void RaiseMessage(NetworkEvent message)
        {
            foreach (Delegate handler in received.List)
            {
                if (lifetime.Ended)
                {
                    return;
                }
                try
                {
                    ((ReceivedMessageCallback)handler)(message);
                }
                catch (Exception e)
                {
                    P2PLog.Exception("OnReceivedMessage", e);
                }
            }
        }

        private void RaiseConnection(ConnectionId id)
        {
            foreach (Delegate handler in connected.List)
            {
                if (lifetime.Ended)
                {
                    return;
                }
                try
                {
                    ((OnConnectionCallback)handler)(id);
                }
                catch (Exception e)
                {
                    P2PLog.Exception("OnConnection", e);
                }
            }
        }

        private void RaiseDisconnection(ConnectionId id)
        {
            foreach (Delegate handler in disconnected.List)
            {
                if (lifetime.Ended)
                {
                    return;
                }
                try
                {
                    ((OnDisconnectionCallback)handler)(id);
                }
                catch (Exception e)
                {
                    P2PLog.Exception("OnDisconnection", e);
                }
            }
        }

        private void RaiseError(P2PError error)
        {
            foreach (Delegate handler in failed.List)
            {
                if (lifetime.Ended)
                {
                    return;
                }
                try
                {
                    ((OnErrorCallback)handler)(error);
                }
                catch (Exception e)
                {
                    P2PLog.Exception("OnError", e);
                }
            }
        }

        private void RaiseState(P2PState next)
        {
            foreach (Delegate handler in changed.List)
            {
                if (lifetime.Ended)
                {
                    return;
                }
                try
                {
                    ((OnStateChangedCallback)handler)(next);
                }
                catch (Exception e)
                {
                    P2PLog.Exception("OnStateChanged", e);
                }
            }
        }

        private void RaiseReachability(ConnectionId id, bool reachable)
        {
            foreach (Delegate handler in reachability.List)
            {
                if (lifetime.Ended)
                {
                    return;
                }
                try
                {
                    ((OnReachabilityChangedCallback)handler)(id, reachable);
                }
                catch (Exception e)
                {
                    P2PLog.Exception("OnReachabilityChanged", e);
                }
            }
        }

        private void RaisePathChanged(ConnectionId id)
        {
            foreach (Delegate handler in moved.List)
            {
                if (lifetime.Ended)
                {
                    return;
                }
                try
                {
                    ((OnPathChangedCallback)handler)(id);
                }
                catch (Exception e)
                {
                    P2PLog.Exception("OnPathChanged", e);
                }
            }
        }
    }
}
