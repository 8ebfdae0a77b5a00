#if !UNITY_WEBGL || UNITY_EDITOR
using System;
using System.Runtime.InteropServices;

namespace UnityP2P
{
    /// <summary>
    /// The functions of include/p2p.h. Nothing calls back, and no call but
    /// P2P_Shutdown waits.
    /// </summary>
    internal static partial class Native
    {
#if UNITY_IOS && !UNITY_EDITOR
        private const string Library = "__Internal";
#else
        private const string Library = "unityp2p";
#endif

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern uint P2P_AbiVersion();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern IntPtr P2P_VersionString();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern IntPtr P2P_ErrorString(int code);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_CreateServer(ref Config config, out ulong handle);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_CreateClient(ref Config config, out ulong handle);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_StartSignaling(ref SignalingConfig config, out ulong handle);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_Dispose(ulong handle);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_Poll(ulong handle, IntPtr events, uint max, ref Batch batch);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern IntPtr P2P_WaitingFlag(ulong handle);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_SendMessage(ulong handle, uint connection, ref byte data, uint length, uint flags);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_SendMessageToAll(ulong handle, ref byte data, uint length, uint flags);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_Disconnect(ulong handle, uint connection);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_GetStats(ulong handle, uint connection, ref Stats stats);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_Suspend(ulong handle);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_Resume(ulong handle);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_SetNetworkConditions(ulong handle, ref NetworkConditions conditions);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_Shutdown(uint timeout);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_LastError(ulong handle, ref byte buffer, uint size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_SetLogLevel(uint level);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        public static extern int P2P_PollLog(ref byte buffer, uint size, out uint level);
    }
}
#endif
