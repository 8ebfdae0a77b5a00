using System;

namespace UnityP2P
{
    /// <summary>The native library is missing, does not fit, or refused. The message says what to do.</summary>
    [Serializable]
    public sealed class P2PException : Exception
    {
        /// <summary>The library's error code (P2P_ERR_ in p2p.h); 0 if it could not be asked.</summary>
        public int Code { get; private set; }

        internal P2PException(int code, string message, Exception cause)
            : base(message, cause)
        {
            Code = code;
        }
    }
}
