/* A disk on which each sync takes SLOWSYNC_US microseconds longer, for any program:
 *   gcc -shared -fPIC -O2 -o slowsync.so slowsync.c -ldl && SLOWSYNC_US=2000 LD_PRELOAD=./slowsync.so postgres ...
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd)
{
    static int (*real)(int);
    static long delay_us;
    if (!real) {
        real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
        delay_us = getenv("SLOWSYNC_US") ? atol(getenv("SLOWSYNC_US")) : 0;
    }
    if (delay_us > 0)
        usleep((useconds_t)delay_us);
    return real(fd);
}
