#if UNITY_5_3_OR_NEWER
using System;
using UnityEngine;

namespace UnityP2P
{
    public static partial class P2PLog
    {
        static partial void UseEngine(ref Action<P2PLogLevel, string> engine)
        {
            engine = WriteToUnity;
        }

        private static void WriteToUnity(P2PLogLevel lineLevel, string line)
        {
            line = "UnityP2P: " + line;
            if (lineLevel == P2PLogLevel.Error)
            {
                Debug.LogError(line);
            }
            else if (lineLevel == P2PLogLevel.Warning)
            {
                Debug.LogWarning(line);
            }
            else
            {
                Debug.Log(line);
            }
        }
    }
}
#endif
