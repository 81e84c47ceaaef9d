/* SPDX-License-Identifier: MIT */
#include "server/tokens.h"

#include <errno.h>

#include "server/config.h"
#include "svc/jwt.h"

int tokens_load(const struct config *c, struct jwt_keys **out, struct err *e)
{
    struct jwt_options o = {.alg = c->jwt_alg,
                            .keys = c->jwt_key,
                            .audience = c->jwt_audience,
                            .issuer = c->jwt_issuer,
                            .leeway_seconds = c->jwt_leeway};

    *out = NULL;
    if (*c->jwt_alg)
        return jwt_keys_new(out, &o, e);
    if (*c->jwt_key || *c->jwt_audience || *c->jwt_issuer)
        return err_set(
            e, -EINVAL,
            "jwt_alg: HS256, ES256 or EdDSA has to be chosen; tokens do not choose "
            "it themselves");
    return 0;
}
