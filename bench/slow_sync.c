/* Loaded with LD_PRELOAD: every sync of a file takes 2 ms more, as on a disk that writes it down. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int slow(const char *name, int file)
{
    const struct timespec time = {0, 2000000};
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

    nanosleep(&time, NULL);
    return sync(file);
}

int fsync(int file)
{
    return slow("fsync", file);
}

int fdatasync(int file)
{
    return slow("fdatasync", file);
}
