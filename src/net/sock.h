/* SPDX-License-Identifier: MIT */
/*
 * sock - recv() and send() that are no cancellation points.
 *
 * In a process with threads glibc's own do two atomic operations in each call, so that
 * pthread_cancel() could end it: 1 % of an echo, and nobody here is ever cancelled.
 * Results and errno as theirs. Thread: any.
 */
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline ssize_t sock_recv(int fd, void *to, size_t n)
{
    return syscall(SYS_recvfrom, fd, to, n, 0, NULL, NULL);
}

/* Takes what fits, and raises no SIGPIPE. */
static inline ssize_t sock_send(int fd, const void *from, size_t n)
{
    return syscall(SYS_sendto, fd, from, n, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
}
