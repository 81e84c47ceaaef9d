/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <cJSON.h>
#include <stdbool.h>

#include "server/door.h"
#include "state/payload.h"

#define START "GET /g/den?a=1&token=q%20q&b= HTTP/1.1\r\nHost: h\r\n"

static cJSON *seen;
static int status;

/* What auth() would be told of this request, in `seen`. */
static void look(const char *text, struct door d)
{
    struct http_head *head;
    struct buf out, json;
    struct json_out j = json_out_to(&json);
    size_t used;

    CHECK_EQ(http_head_new(&head, &http_limits_default), 0);
    CHECK_EQ(http_head_feed(head, (const uint8_t *)text, strlen(text), &used), HTTP_DONE);
    d.head = head;
    d.address = "192.0.2.7";
    d.cookie = d.cookie ? d.cookie : "sid";
    buf_init(&out, 2 * DOOR_BYTES);
    buf_init(&json, 0);
    status = door_read(&d, &out);
    cJSON_Delete(seen);
    seen = NULL;
    if (status == 0) {
        struct wire_in in = wire_from(out.data, out.len), again = in;
        payload_check(NULL, &in);
        CHECK(!in.failed && wire_left(&in) == 0);
        payload_to_json(NULL, &again, &j);
        seen = cJSON_ParseWithLength((const char *)json.data, json.len);
        CHECK(seen);
    }
    buf_fini(&json);
    buf_fini(&out);
    http_head_free(&head);
}

static const char *of(const cJSON *object, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(v) ? v->valuestring : v ? "(no string)" : "(none)";
}

static const char *header(const char *key)
{
    return of(cJSON_GetObjectItem(seen, "headers"), key);
}

static const char *query(const char *key)
{
    return of(cJSON_GetObjectItem(seen, "query"), key);
}

/* The token of a request with these header lines. */
static const char *token(const char *lines, bool has_trusted_origin)
{
    char text[1024];

    snprintf(text, sizeof text, "%s%s\r\n", START, lines);
    look(text, (struct door){.has_trusted_origin = has_trusted_origin});
    CHECK_EQ(status, 0);
    return of(seen, "token");
}

TEST(door_request, "headers, query, address, Origin and subprotocol are told")
{
    look(START "User-Agent: me\r\nX-A: 1\r\nOrigin: http://h\r\nx-a: 2\r\nConnection: "
               "close\r\nSec-WebSocket-Key: k\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
         (struct door){.protocol = "parlor.j1"});
    CHECK_STR(of(seen, "address"), "192.0.2.7");
    CHECK_STR(of(seen, "origin"), "http://h");
    CHECK_STR(of(seen, "protocol"), "parlor.j1");
    CHECK_STR(of(seen, "token"), "(none)");
    CHECK_STR(header("user-agent"), "me");
    CHECK_STR(header("x-a"), "1, 2");
    CHECK_STR(header("cookie"), "a=1; b=2");
    CHECK_STR(header("host"), "h");
    CHECK_STR(header("connection"), "(none)");
    CHECK_STR(header("sec-websocket-key"), "(none)");
    CHECK_STR(query("a"), "1");
    CHECK_STR(query("b"), "");
    CHECK_STR(query("token"), "q q");
    look(START "\r\n", (struct door){.can_resume = true});
    CHECK_STR(query("token"), "(none)");
    CHECK_STR(query("b"), "");
    CHECK_STR(of(seen, "protocol"), "(none)");
    CHECK_STR(of(seen, "origin"), "(none)");
}

TEST(door_bearer, "a token comes from one Authorization header of the scheme Bearer")
{
    CHECK_STR(token("Authorization: Bearer abc\r\n", false), "abc");
    CHECK_STR(token("authorization: bearer   abc \r\n", false), "abc");
    CHECK_STR(token("Authorization: Basic abc\r\n", false), "(none)");
    CHECK_STR(token("Authorization: Bearer\r\n", false), "(none)");
    CHECK_STR(token("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", false),
              "(none)");
    CHECK_STR(token("Authorization: Bearer abc\r\nCookie: sid=x\r\n", true), "abc");
}

TEST(door_cookie, "or from the cookie of the name, once there, of a trusted page")
{
    CHECK_STR(token("Cookie: sid=x\r\n", true), "x");
    CHECK_STR(token("Cookie: sid=x\r\n", false), "(none)");
    CHECK_STR(token("Cookie: a=1;sid=x=y;b=2\r\n", true), "x=y");
    CHECK_STR(token("Cookie: a=1; b=sid=x\r\n", true), "(none)");
    CHECK_STR(token("Cookie: xsid=x; SID=x; sid\r\n", true), "(none)");
    CHECK_STR(token("Cookie: sid=\r\n", true), "(none)");
    CHECK_STR(token("Cookie: sid=x; sid=y\r\n", true), "(none)");
    CHECK_STR(token("Cookie: sid=x\r\nCookie: sid=x\r\n", true), "(none)");
    look(START "Cookie: =x\r\n\r\n",
         (struct door){.has_trusted_origin = true, .cookie = ""});
    CHECK_STR(of(seen, "token"), "(none)");
}

TEST(door_limits, "too much is 431, a malformed query 400; odd bytes are bytes")
{
    static char big[DOOR_BYTES + 200];

    snprintf(big, sizeof big, "%sX: %08000d\r\n\r\n", START, 0);
    look(big, (struct door){0});
    CHECK_EQ(status, 0);
    snprintf(big, sizeof big, "%sX: %08192d\r\n\r\n", START, 0);
    look(big, (struct door){0});
    CHECK_EQ(status, 431);
    look("GET /g?a=%zz HTTP/1.1\r\nHost: h\r\n\r\n", (struct door){0});
    CHECK_EQ(status, 400);
    look("GET /g?a=%ff HTTP/1.1\r\nHost: h\r\n\r\n", (struct door){0});
    CHECK_EQ(status, 400);
    look(START "X: \xff\r\n\r\n", (struct door){0});
    CHECK_STR(header("x"), "/w=="); /* base64 in JSON */
    cJSON_Delete(seen);
    seen = NULL;
}
