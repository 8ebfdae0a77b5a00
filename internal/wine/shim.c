/*
 * bcryptprimitives.dll for tests under Debian's wine 8, which lacks two things
 * that every Go program needs on Windows. Real Windows has both; this file is
 * never shipped.
 *
 *  - ProcessPrng, Go's source of randomness: here by SystemFunction036
 *    (RtlGenRandom).
 *  - The control code SIO_UDP_NETRESET, which Go sets on every UDP socket: here
 *    WSAIoctl says yes to it.
 */
#include <winsock2.h>

#include <string.h>

#define SIO_UDP_NETRESET 0x9800000Fu
#define JUMP 14 /* bytes of: jmp [rip+0]; address */

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
    return SystemFunction036(buffer, (ULONG)length);
}

static CRITICAL_SECTION patching;
static unsigned char original[JUMP], jump[JUMP];
static unsigned char *target;

static int WSAAPI control(SOCKET s, DWORD code, LPVOID in, DWORD in_length, LPVOID out, DWORD out_length,
                          LPDWORD returned, LPWSAOVERLAPPED overlapped,
                          LPWSAOVERLAPPED_COMPLETION_ROUTINE done) {
    if (code == SIO_UDP_NETRESET) {
        if (returned != NULL) *returned = 0;
        return 0;
    }
    /* The real one, in its own place: nobody else runs through it meanwhile. */
    EnterCriticalSection(&patching);
    memcpy(target, original, JUMP);
    int result = ((int(WSAAPI *)(SOCKET, DWORD, LPVOID, DWORD, LPVOID, DWORD, LPDWORD, LPWSAOVERLAPPED,
                                 LPWSAOVERLAPPED_COMPLETION_ROUTINE))(void *)target)(
        s, code, in, in_length, out, out_length, returned, overlapped, done);
    DWORD error = GetLastError();
    memcpy(target, jump, JUMP);
    LeaveCriticalSection(&patching);
    SetLastError(error);
    return result;
}

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved) {
    (void)self;
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH) return TRUE;
    InitializeCriticalSection(&patching);
    target = (unsigned char *)(void *)GetProcAddress(LoadLibraryA("ws2_32.dll"), "WSAIoctl");
    DWORD old;
    if (target == NULL || !VirtualProtect(target, JUMP, PAGE_EXECUTE_READWRITE, &old)) return FALSE;
    int(WSAAPI * ours)(SOCKET, DWORD, LPVOID, DWORD, LPVOID, DWORD, LPDWORD, LPWSAOVERLAPPED,
                       LPWSAOVERLAPPED_COMPLETION_ROUTINE) = control;
    static const unsigned char code[6] = {0xff, 0x25, 0, 0, 0, 0};
    memcpy(jump, code, sizeof code);
    memcpy(jump + sizeof code, &ours, sizeof ours);
    memcpy(original, target, JUMP);
    memcpy(target, jump, JUMP);
    return TRUE;
}
