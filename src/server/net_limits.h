/* SPDX-License-Identifier: MIT */
/*
 * net_limits - what the configuration says about connections, as net wants it:
 * numbers copied, the lists of networks and the base path checked.
 *
 * Ownership: by value; `edge` points into it, so it must not move and must outlive
 * the edge. Thread: main, before the worker starts.
 */
#pragma once

#include "base/err.h"
#include "net/edge.h"
#include "proto/ws_deflate_offer.h"
#include "server/config.h"

enum { NET_LIMITS_MAX_TRUSTED = 64 };

struct net_limits {
    struct edge_limits edge;
    bool has_deflate; /* the server compresses, where game and client want it */
    struct ws_deflate_policy deflate;
    struct ip_net trusted[NET_LIMITS_MAX_TRUSTED];
};

/* 0 or -EINVAL, *e names the key and what it takes. */
int net_limits_read(struct net_limits *out, const struct config *c, struct err *e);
