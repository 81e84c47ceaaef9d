/* SPDX-License-Identifier: MIT */
/*
 * tokens - what the settings jwt_alg, jwt_key and so on mean.
 *
 * Thread: the worker's.
 */
#pragma once

#include "base/err.h"

struct config;
struct jwt_keys;

/* Read the keys; *out is NULL where jwt_alg is not set, and on errors: -EINVAL or
 * -ENOMEM, *e names the setting. */
int tokens_load(const struct config *c, struct jwt_keys **out, struct err *e);
