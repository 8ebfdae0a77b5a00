using System;
using System.Reflection;
using System.Runtime.InteropServices;
using UnityP2P;

/// <summary>Prints size and fields of the structs that cross into C: "Struct.field:offset:size".</summary>
internal static class Layout
{
    private static void Main()
    {
        Type native = typeof(P2PServer).Assembly.GetType("UnityP2P.Native");
        foreach (string name in new[] { "Config", "Event", "Batch", "Stats", "NetworkConditions", "SignalingConfig" })
        {
            Type type = native.GetNestedType(name, BindingFlags.Public);
            Console.WriteLine(name + ":" + Marshal.SizeOf(type));
            foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public))
            {
                int size = field.FieldType == typeof(IntPtr) ? IntPtr.Size : Marshal.SizeOf(field.FieldType);
                Console.WriteLine(name + "." + field.Name + ":" + Marshal.OffsetOf(type, field.Name) + ":" + size);
            }
        }
    }
}
