#if UNITY_WEBGL && !UNITY_EDITOR
using System;

namespace UnityP2P
{
    /// <summary>
    /// There is no library for WebGL yet. Games compile for it all the same, and
    /// NativeLoader says so when they open a room.
    /// </summary>
    internal static partial class Native
    {
        private const int NotHere = InvalidHandle;

        public static uint P2P_AbiVersion() { return 0; }
        public static IntPtr P2P_VersionString() { return IntPtr.Zero; }
        public static IntPtr P2P_ErrorString(int code) { return IntPtr.Zero; }
        public static int P2P_CreateServer(ref Config config, out ulong handle) { handle = 0; return NotHere; }
        public static int P2P_CreateClient(ref Config config, out ulong handle) { handle = 0; return NotHere; }
        public static int P2P_StartSignaling(ref SignalingConfig config, out ulong handle) { handle = 0; return NotHere; }
        public static int P2P_Dispose(ulong handle) { return Ok; }
        public static int P2P_Poll(ulong handle, IntPtr events, uint max, ref Batch batch) { return NotHere; }
        public static IntPtr P2P_WaitingFlag(ulong handle) { return IntPtr.Zero; }
        public static int P2P_SendMessage(ulong handle, uint connection, ref byte data, uint length, uint flags) { return NotHere; }
        public static int P2P_SendMessageToAll(ulong handle, ref byte data, uint length, uint flags) { return NotHere; }
        public static int P2P_Disconnect(ulong handle, uint connection) { return NotHere; }
        public static int P2P_GetStats(ulong handle, uint connection, ref Stats stats) { return NotHere; }
        public static int P2P_Suspend(ulong handle) { return NotHere; }
        public static int P2P_Resume(ulong handle) { return NotHere; }
        public static int P2P_SetNetworkConditions(ulong handle, ref NetworkConditions conditions) { return NotHere; }
        public static int P2P_Shutdown(uint timeout) { return Ok; }
        public static int P2P_LastError(ulong handle, ref byte buffer, uint size) { return Ok; }
        public static int P2P_SetLogLevel(uint level) { return Ok; }
        public static int P2P_PollLog(ref byte buffer, uint size, out uint level) { level = 0; return Ok; }
    }
}
#endif
