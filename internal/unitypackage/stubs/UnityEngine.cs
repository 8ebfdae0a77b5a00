// The part of UnityEngine that the package touches, with the signatures of
// Unity's documentation, so that its code compiles and runs without Unity.
using System;
using System.Collections.Generic;

namespace UnityEngine
{
    [Flags]
    public enum HideFlags
    {
        None = 0,
        HideInHierarchy = 1,
        HideInInspector = 2,
        DontSaveInEditor = 4,
        NotEditable = 8,
        DontSaveInBuild = 16,
        DontUnloadUnusedAsset = 32,
        DontSave = 52,
        HideAndDontSave = 61
    }

    public class Object
    {
        public string name { get; set; }
        public HideFlags hideFlags { get; set; }

        public static void DontDestroyOnLoad(Object target)
        {
        }

        public static void Destroy(Object obj)
        {
        }
    }

    public class Component : Object
    {
        public GameObject gameObject { get; internal set; }
    }

    public class Behaviour : Component
    {
        public bool enabled { get; set; }
    }

    public class MonoBehaviour : Behaviour
    {
    }

    public sealed class GameObject : Object
    {
        internal static readonly List<Component> Everything = new List<Component>();

        public GameObject()
        {
        }

        public GameObject(string name)
        {
            this.name = name;
        }

        public T AddComponent<T>() where T : Component
        {
            T component = (T)Activator.CreateInstance(typeof(T), true);
            component.gameObject = this;
            Everything.Add(component);
            return component;
        }
    }

    public static class Debug
    {
        public static void Log(object message)
        {
            Console.WriteLine(message);
        }

        public static void LogWarning(object message)
        {
            Console.WriteLine("Warning: " + message);
        }

        public static void LogError(object message)
        {
            Console.WriteLine("Error: " + message);
        }

        public static void LogException(Exception exception)
        {
            Console.WriteLine("Exception: " + exception);
        }
    }

    public enum RuntimePlatform
    {
        OSXEditor = 0,
        WindowsEditor = 7,
        IPhonePlayer = 8,
        Android = 11,
        LinuxPlayer = 13,
        LinuxEditor = 16,
        WebGLPlayer = 17
    }

    public static class Application
    {
        public static event Action quitting;

        public static bool runInBackground { get; set; }
        public static bool isEditor { get { return Simulation.IsEditor; } }
        public static bool isMobilePlatform { get { return Simulation.IsMobile; } }
        public static bool isPlaying { get { return Simulation.IsPlaying; } }

        public static RuntimePlatform platform
        {
            get
            {
                return Simulation.IsMobile ? RuntimePlatform.Android
                    : Simulation.IsEditor ? RuntimePlatform.LinuxEditor : RuntimePlatform.LinuxPlayer;
            }
        }

        internal static void RaiseQuitting()
        {
            if (quitting != null)
            {
                quitting();
            }
        }
    }

    public enum RuntimeInitializeLoadType
    {
        AfterSceneLoad = 0,
        BeforeSceneLoad = 1,
        AfterAssembliesLoaded = 2,
        BeforeSplashScreen = 3,
        SubsystemRegistration = 4
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class RuntimeInitializeOnLoadMethodAttribute : Attribute
    {
        public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType loadType)
        {
            this.loadType = loadType;
        }

        public RuntimeInitializeLoadType loadType { get; private set; }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class AddComponentMenu : Attribute
    {
        public AddComponentMenu(string menuName)
        {
            componentMenu = menuName;
        }

        public string componentMenu { get; private set; }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class TooltipAttribute : Attribute
    {
        public readonly string tooltip;

        public TooltipAttribute(string tooltip)
        {
            this.tooltip = tooltip;
        }
    }
}
