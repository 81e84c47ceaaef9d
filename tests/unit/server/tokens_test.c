/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <errno.h>
#include <string.h>

#include "server/config.h"
#include "server/tokens.h"
#include "svc/jwt.h"

TEST(tokens_load, "without settings there are no keys; some without jwt_alg are a mistake")
{
    struct config c;
    struct jwt_keys *k = (void *)&c;
    struct err e;

    config_init(&c);
    CHECK_EQ(tokens_load(&c, &k, &e), 0);
    CHECK(k == NULL);
    strcpy(c.jwt_issuer, "login");
    CHECK_EQ(tokens_load(&c, &k, &e), -EINVAL);
    CHECK(strstr(e.text, "jwt_alg: ") == e.text);
    strcpy(c.jwt_alg, "HS256");
    strcpy(c.jwt_key,
           "a=hex:3031323334353637383961626364656630313233343536373839616263646566");
    CHECK_EQ(tokens_load(&c, &k, &e), 0);
    CHECK(k != NULL);
    jwt_keys_free(&k);
    config_fini(&c);
}

TEST(tokens_hidden, "config print shows the names of key files, not secrets")
{
    struct config c;
    struct err e;
    struct buf out;

    config_init(&c);
    buf_init(&out, 0);
    CHECK_EQ(config_set(&c, "jwt_key", "new=keys/new.pem", CONFIG_FLAG, &e), 0);
    config_print(&c, &out);
    buf_byte(&out, 0);
    CHECK(strstr((const char *)out.data, "jwt_key = \"new=keys/new.pem\""));
    buf_clear(&out);
    CHECK_EQ(config_set(&c, "jwt_key", "new=hex:c0ffee", CONFIG_FLAG, &e), 0);
    config_print(&c, &out);
    buf_byte(&out, 0);
    CHECK(strstr((const char *)out.data, "jwt_key = \"(hidden)\""));
    CHECK(!strstr((const char *)out.data, "c0ffee"));
    buf_fini(&out);
    config_fini(&c);
}
