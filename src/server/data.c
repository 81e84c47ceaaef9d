/* SPDX-License-Identifier: MIT */
#include "server/data.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/logger.h"
#include "script/watchdog.h"

enum { LOOK_MS = 5 };

static const char *const preset = "data"; /* of parlor serve */

/* The folder that is meant; NULL: none. */
static const char *folder_of(const struct config *c)
{
    if (strcmp(c->data, "off") == 0)
        return NULL;
    return *c->data ? c->data : c->is_dev ? NULL : preset;
}

static struct flock whole_file(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

/* 0, or -EBUSY where another process has it. */
static int try_lock(int fd)
{
    struct flock lock = whole_file(F_WRLCK);

    if (fcntl(fd, F_SETLK, &lock) == 0)
        return 0;
    return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* Who has it; 0: nobody any more, or somebody whom this process cannot see. */
static pid_t holder(int fd)
{
    struct flock lock = whole_file(F_WRLCK);

    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}

int data_init(struct data *d, const struct config *c, bool takes_over, struct err *e)
{
    char path[CONFIG_TEXT_MAX + 32];

    *d = (struct data){.folder = folder_of(c), .lock = -1};
    if (!d->folder)
        return takes_over ? err_set(e, -EINVAL,
                                    "--takeover needs the data folder that "
                                    "both servers share (data)")
                          : 0;
    mkdir(d->folder, 0700);
    snprintf(path, sizeof path, "%s/parlor.lock", d->folder);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0)
        return 0; /* the store finds the same and tells it; it works in memory then */
    if (try_lock(d->lock) != -EBUSY || takes_over)
        return 0;
    err_set(e, -EBUSY,
            "the data folder %s belongs to another server (process %d); name another "
            "one, stop that server, or take over from it with --takeover",
            d->folder, (int)holder(d->lock));
    close(d->lock);
    d->lock = -1;
    return e->code;
}

/* Tell the process that holds the lock to stop; it is the same one that is told, whatever
 * has become of its number. False: there is none to be seen. */
static bool ask_to_stop(int lock)
{
    pid_t pid = holder(lock);
    int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    bool is_told = false;

    if (fd < 0)
        return false;
    if (holder(lock) == pid && pidfd_send_signal(fd, SIGTERM, NULL, 0) == 0) {
        logger_info("server", "process %d is told to stop; its rooms come here", (int)pid);
        is_told = true;
    }
    close(fd);
    return is_told;
}

static int wait_for_folder(struct data *d, struct err *e)
{
    uint64_t began = clk_real_ns(), end = began + (uint64_t)DATA_TAKEOVER_MS * 1000000;
    struct timespec look = {0, LOOK_MS * 1000000};
    bool is_told = false;
    int r;

    while ((r = try_lock(d->lock)) == -EBUSY && clk_real_ns() < end) {
        is_told = is_told || ask_to_stop(d->lock);
        nanosleep(&look, NULL);
    }
    if (r < 0)
        return err_set(e, r == -EBUSY ? -ETIMEDOUT : r,
                       is_told ? "the other server has not let go of the data folder %s "
                                 "within %d s"
                               : "the data folder %s belongs to a process that cannot be "
                                 "seen from here; stop it (waited %d s)",
                       d->folder, DATA_TAKEOVER_MS / 1000);
    if (is_told)
        logger_info("server", "the data folder is ours after %d ms",
                    (int)((clk_real_ns() - began) / 1000000));
    return 0;
}

/* The process is about to end in the middle of things (watchdog.h): what rooms have
 * posted is written. Their images are not touched, since they may be half done. */
static void on_last_moment(void *ctx)
{
    store_drain(ctx, WATCHDOG_END_MS);
}

int data_open(struct data *d, struct err *e)
{
    struct store_options o = {.folder = d->folder};
    int r = d->lock >= 0 ? wait_for_folder(d, e) : 0;

    if (r < 0 || (r = store_open(&d->store, &o, e)) < 0)
        return r;
    watchdog_before_end(on_last_moment, d->store);
    return 0;
}

bool data_is_kept(const struct data *d)
{
    return d->store && store_figures(d->store).is_kept;
}

void data_close(struct data *d)
{
    watchdog_before_end(NULL, NULL);
    if (d->store && !store_stop(d->store, DATA_STOP_MS)) {
        logger_error("store", "what was left to write could not be written within %d s",
                     DATA_STOP_MS / 1000);
        d->store = NULL; /* its thread is still at it, and ends with the process */
    }
    store_free(&d->store);
    if (d->lock >= 0)
        close(d->lock);
    d->lock = -1;
}
