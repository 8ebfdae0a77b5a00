#if UNITY_5_3_OR_NEWER
using UnityEngine;

namespace UnityP2P
{
    /// <summary>
    /// Ties rooms to the life of the game: none is left from a run before, the
    /// others hear a goodbye when the player quits, and a phone that puts the
    /// game into the background does not end it.
    /// </summary>
    internal static class UnityHooks
    {
        // Runs at the start of each run, also if the editor did not reload the
        // scripts before it ("Enter Play Mode Options").
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        private static void StartOfRun()
        {
            P2PRooms.DisposeAll();
            P2PLog.Reset();
            Application.quitting -= Quit;
            Application.quitting += Quit;
        }

        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.BeforeSceneLoad)]
        private static void WatchPause()
        {
            if (Application.isMobilePlatform && !Application.isEditor)
            {
                PauseWatcher.Create();
            }
        }

        private static void Quit()
        {
            if (Application.isEditor)
            {
                // The editor raises this when a run ends, and goes on.
                P2PRooms.DisposeAll();
            }
            else
            {
                P2PRooms.Quit();
            }
        }
    }
}
#endif
