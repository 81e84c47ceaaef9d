/* SPDX-License-Identifier: MIT */
#include "net/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A segment that starts with '.' covers "..", "." and dot-files at once. */
bool beneath_clean(char out[BENEATH_PATH_BYTES], const char *path, size_t len)
{
    static const char index[] = "index.html";

    if (len + sizeof index > BENEATH_PATH_BYTES || memchr(path, 0, len) ||
        memchr(path, '\\', len))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((i == 0 || path[i - 1] == '/') && (path[i] == '.' || path[i] == '/'))
            return false;
    memcpy(out, path, len);
    out[len] = 0;
    if (len == 0 || path[len - 1] == '/')
        memcpy(out + len, index, sizeof index);
    return true;
}

/* openat2 came with Linux 5.6, and some sandboxes refuse it: then the real path,
 * links resolved, must begin with the folder's real path. */
static int open_checked(const char *folder, const char *path)
{
    char joined[PATH_MAX], root[PATH_MAX], real[PATH_MAX];
    int n = snprintf(joined, sizeof joined, "%s/%s", folder, path);

    if (n < 0 || n >= (int)sizeof joined || !realpath(folder, root) ||
        !realpath(joined, real))
        return -1;
    size_t len = strlen(root);
    if (len > 1 && (strncmp(real, root, len) != 0 || real[len] != '/'))
        return -1;
    return open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
}

/* A descriptor of the file, wherever links inside the folder lead, or -1. Does not
 * block, whatever it is (a pipe, say). */
static int open_any(const char *folder, const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return -1;
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    bool is_missing = fd < 0 && (errno == ENOSYS || errno == EPERM);
    close(root);
    return is_missing ? open_checked(folder, path) : fd;
}

int beneath_open(const char *folder, const char *path, struct stat *st)
{
    int fd = open_any(folder, path);

    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}
