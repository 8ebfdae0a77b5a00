using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("UnityP2P.Tests")]
