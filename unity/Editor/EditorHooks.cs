using UnityEditor;

namespace UnityP2P.Editor
{
    /// <summary>
    /// Ends rooms when the code that would poll them ends: before scripts are
    /// reloaded, after a run, and when the editor quits. The library itself
    /// stays loaded until then.
    /// </summary>
    [InitializeOnLoad]
    internal static class EditorHooks
    {
        static EditorHooks()
        {
            AssemblyReloadEvents.beforeAssemblyReload += P2PRooms.DisposeAll;
            EditorApplication.playModeStateChanged += OnPlayModeStateChanged;
            EditorApplication.quitting += P2PRooms.Quit;
        }

        private static void OnPlayModeStateChanged(PlayModeStateChange change)
        {
            // By now OnApplicationQuit and OnDestroy have had their turn.
            if (change == PlayModeStateChange.EnteredEditMode)
            {
                P2PRooms.DisposeAll();
            }
        }
    }
}
