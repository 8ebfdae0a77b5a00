/* Loading the library while a program runs, as games do it, on any system. */
#ifndef LOAD_H
#define LOAD_H

#include "check.h"

#if defined(_WIN32)
#include <windows.h>

__attribute__((unused)) static void *load_library(const char *file) {
    void *object = (void *)LoadLibraryA(file);
    if (object == NULL) fprintf(stderr, "%s: error %lu\n", file, GetLastError());
    CHECK(object != NULL);
    return object;
}
__attribute__((unused)) static void *find_function(void *object, const char *name) {
    void *found = (void *)(uintptr_t)GetProcAddress((HMODULE)object, name);
    CHECK(found != NULL);
    return found;
}
__attribute__((unused)) static void unload_library(void *object) { CHECK(FreeLibrary((HMODULE)object)); }

#else
#include <dlfcn.h>

__attribute__((unused)) static void *load_library(const char *file) {
    void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) fprintf(stderr, "%s\n", dlerror());
    CHECK(object != NULL);
    return object;
}
__attribute__((unused)) static void *find_function(void *object, const char *name) {
    void *found = dlsym(object, name);
    CHECK(found != NULL);
    return found;
}
__attribute__((unused)) static void unload_library(void *object) { CHECK_IS(dlclose(object), 0); }
#endif

#endif
