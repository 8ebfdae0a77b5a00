#if UNITY_5_3_OR_NEWER
using UnityEngine;

namespace UnityP2P
{
    /// <summary>Hears from Unity when the game goes to the background, and when it is back.</summary>
    [AddComponentMenu("")]
    internal sealed class PauseWatcher : MonoBehaviour
    {
        public static void Create()
        {
            GameObject holder = new GameObject("UnityP2P");
            holder.hideFlags = HideFlags.HideAndDontSave;
            DontDestroyOnLoad(holder);
            holder.AddComponent<PauseWatcher>();
        }

        private void OnApplicationPause(bool paused)
        {
            if (paused)
            {
                P2PRooms.Suspend();
            }
            else
            {
                P2PRooms.Resume();
            }
        }
    }
}
#endif
