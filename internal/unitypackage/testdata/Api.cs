using System;
using System.Reflection;
using UnityP2P;

/// <summary>Prints the public types of the package and what they declare: "Type" and "Type.Member".</summary>
internal static class Api
{
    private static void Main()
    {
        foreach (Type type in typeof(P2PServer).Assembly.GetExportedTypes())
        {
            if (typeof(Delegate).IsAssignableFrom(type))
            {
                Console.WriteLine(type.DeclaringType.Name + "." + type.Name);
                continue;
            }
            Console.WriteLine(type.Name);
            foreach (MemberInfo member in type.GetMembers(BindingFlags.Instance | BindingFlags.Static |
                BindingFlags.Public | BindingFlags.DeclaredOnly))
            {
                MethodBase method = member as MethodBase;
                FieldInfo field = member as FieldInfo;
                // What .NET has behind properties, events, operators and enums.
                if (member is Type || (field != null && field.IsSpecialName) ||
                    (method != null && method.IsSpecialName && !method.IsConstructor))
                {
                    continue;
                }
                Console.WriteLine(type.Name + "." + (method != null && method.IsConstructor ? type.Name : member.Name));
            }
        }
    }
}
