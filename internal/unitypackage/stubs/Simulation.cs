// Plays the part of Unity: raises its events and messages in the order of its
// documentation ("Order of execution for event functions", AssemblyReloadEvents,
// "Details of disabling Domain Reload").
using System;
using System.Collections.Generic;
using System.Reflection;
using UnityEditor;

namespace UnityEngine
{
    public static class Simulation
    {
        public static bool IsEditor = true;
        public static bool IsMobile;
        public static bool IsPlaying;

        /// <summary>
        /// Whether Application.quitting is raised before OnApplicationQuit is sent:
        /// Unity's documentation promises neither order.
        /// </summary>
        public static bool QuittingIsFirst;

        private static readonly List<MonoBehaviour> scene = new List<MonoBehaviour>();

        /// <summary>What happens after scripts were (re)loaded: [InitializeOnLoad] classes.</summary>
        public static void LoadEditor(params Assembly[] assemblies)
        {
            foreach (Assembly assembly in assemblies)
            {
                foreach (Type type in assembly.GetTypes())
                {
                    if (type.GetCustomAttributes(typeof(InitializeOnLoadAttribute), false).Length > 0)
                    {
                        System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(type.TypeHandle);
                    }
                }
            }
        }

        /// <summary>The scripts are about to be reloaded.</summary>
        public static void BeforeReload()
        {
            AssemblyReloadEvents.RaiseBeforeReload();
        }

        /// <summary>Enters play mode (in a player: starts it) with these components in the scene.</summary>
        public static void Play(Assembly scripts, params MonoBehaviour[] components)
        {
            Raise(PlayModeStateChange.ExitingEditMode);
            IsPlaying = true;
            Initialize(scripts, RuntimeInitializeLoadType.SubsystemRegistration);
            Initialize(scripts, RuntimeInitializeLoadType.AfterAssembliesLoaded);
            Initialize(scripts, RuntimeInitializeLoadType.BeforeSplashScreen);
            Initialize(scripts, RuntimeInitializeLoadType.BeforeSceneLoad);
            scene.AddRange(components);
            SendAll("Awake");
            SendAll("OnEnable");
            Initialize(scripts, RuntimeInitializeLoadType.AfterSceneLoad);
            Raise(PlayModeStateChange.EnteredPlayMode);
            SendAll("Start");
        }

        /// <summary>One frame.</summary>
        public static void Frame()
        {
            SendAll("Update");
        }

        /// <summary>A phone puts the game into the background, or brings it back.</summary>
        public static void Pause(bool paused)
        {
            foreach (Component component in GameObject.Everything)
            {
                Send(component, "OnApplicationPause", paused);
            }
        }

        /// <summary>Leaves play mode (in a player: ends the scene and quits).</summary>
        public static void Stop()
        {
            Raise(PlayModeStateChange.ExitingPlayMode);
            if (QuittingIsFirst)
            {
                Application.RaiseQuitting();
                SendAll("OnApplicationQuit");
            }
            else
            {
                SendAll("OnApplicationQuit");
                Application.RaiseQuitting();
            }
            SendAll("OnDisable");
            SendAll("OnDestroy");
            scene.Clear();
            IsPlaying = false;
            Raise(PlayModeStateChange.EnteredEditMode);
        }

        /// <summary>The editor itself ends.</summary>
        public static void QuitEditor()
        {
            EditorApplication.RaiseQuitting();
        }

        private static void Raise(PlayModeStateChange change)
        {
            if (IsEditor)
            {
                EditorApplication.Raise(change);
            }
        }

        private static void Initialize(Assembly scripts, RuntimeInitializeLoadType when)
        {
            foreach (Type type in scripts.GetTypes())
            {
                foreach (MethodInfo method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
                {
                    foreach (RuntimeInitializeOnLoadMethodAttribute attribute in
                        method.GetCustomAttributes(typeof(RuntimeInitializeOnLoadMethodAttribute), false))
                    {
                        if (attribute.loadType == when)
                        {
                            method.Invoke(null, null);
                        }
                    }
                }
            }
        }

        private static void SendAll(string message)
        {
            foreach (MonoBehaviour component in scene)
            {
                Send(component, message);
            }
        }

        // As Unity does: whatever the access, and an exception ends only this message.
        private static void Send(Component component, string message, params object[] arguments)
        {
            MethodInfo method = component.GetType().GetMethod(message,
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
            if (method == null)
            {
                return;
            }
            try
            {
                method.Invoke(component, arguments);
            }
            catch (TargetInvocationException e)
            {
                Debug.LogException(e.InnerException);
            }
        }
    }
}
