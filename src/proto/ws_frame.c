/* SPDX-License-Identifier: MIT */
#include "proto/ws_frame.h"

#include <string.h>

#include "base/close_reason.h"

enum {
    FIN = 0x80,
    RSV_BITS = 0x70,
    OP_BITS = 0x0f,
    MASKED = 0x80,
    LEN_BITS = 0x7f,
    LEN_16 = 126, /* the length follows in 2 bytes … */
    LEN_64 = 127, /* … or in 8 */
    MASK_BYTES = 4,
    CONTROL_MAX = 125,
    REASON_MAX = 123, /* CONTROL_MAX without the close code */
};

static bool is_control(uint8_t op)
{
    return op & 0x8;
}

static bool is_known(uint8_t op)
{
    return op <= WS_BINARY || (op >= WS_CLOSE && op <= WS_PONG);
}

void ws_frame_init(struct ws_frame *f, uint64_t max_payload, uint8_t rsv_allowed)
{
    *f = (struct ws_frame){
        .need = 2, .rsv_allowed = rsv_allowed, .max_payload = max_payload};
}

/* The first two bytes tell how long the header is and already settle most
 * violations, so a bad client is dropped before it can make us wait. */
static enum ws_result check_start(struct ws_frame *f)
{
    uint8_t op = f->head[0] & OP_BITS;
    uint8_t len = f->head[1] & LEN_BITS;
    bool starts_message = op == WS_TEXT || op == WS_BINARY;

    /* RSV1 marks a compressed message on its first frame only (RFC 7692, 6). */
    if (f->head[0] & RSV_BITS & ~(starts_message ? f->rsv_allowed : 0))
        return WS_ERR_RSV;
    if (!is_known(op))
        return WS_ERR_OPCODE;
    if (!(f->head[1] & MASKED))
        return WS_ERR_MASK;
    if (is_control(op)) {
        if (len > CONTROL_MAX || !(f->head[0] & FIN))
            return WS_ERR_CONTROL;
    } else {
        if (starts_message == f->in_message)
            return WS_ERR_SEQUENCE;
        f->in_message = !(f->head[0] & FIN);
    }
    f->need = (uint8_t)(2 + (len == LEN_16 ? 2 : len == LEN_64 ? 8 : 0) + MASK_BYTES);
    return WS_MORE;
}

uint64_t ws_frame_packed_max(uint64_t max)
{
    uint64_t extra = max / 4 + 64;

    return max > UINT64_MAX - extra ? UINT64_MAX : max + extra;
}

/* All header bytes in front of the mask are there. */
static enum ws_result read_length(struct ws_frame *f)
{
    uint8_t short_len = f->head[1] & LEN_BITS;

    f->pos = 0;
    f->left = short_len;
    if (short_len >= LEN_16) {
        f->left = 0;
        for (unsigned i = 2; i < (unsigned)f->need - MASK_BYTES; i++)
            f->left = f->left << 8 | f->head[i];
        /* The shortest form is a must, and the highest bit must be 0 (5.2). */
        if (f->left < (short_len == LEN_16 ? LEN_16 : 0x10000) || f->left >> 63)
            return WS_ERR_LENGTH;
    }
    /* Control frames have their own limit, which check_start() has applied. */
    uint64_t max =
        f->head[0] & WS_RSV1 ? ws_frame_packed_max(f->max_payload) : f->max_payload;
    if (f->left > max && !is_control(f->head[0] & OP_BITS))
        return WS_ERR_TOO_BIG;
    return WS_MORE;
}

/* XOR with the mask, which `pos` bytes of this payload have used already. Sixteen
 * bytes at a time, through memcpy: the data may lie at any address. */
static void unmask(uint8_t *data, size_t len, const uint8_t *mask, uint64_t pos)
{
    typedef uint64_t pair __attribute__((vector_size(16)));
    uint8_t turned[4];
    uint32_t key4;
    size_t i = 0;

    if (pos & 3) {
        for (unsigned k = 0; k < sizeof turned; k++)
            turned[k] = mask[(pos + k) & 3];
        mask = turned;
    }
    memcpy(&key4, mask, sizeof key4);
    uint64_t key8 = (uint64_t)key4 << 32 | key4, word;
    pair key = {key8, key8}, words;
    for (; len - i >= sizeof words; i += sizeof words) {
        memcpy(&words, data + i, sizeof words);
        words ^= key;
        memcpy(data + i, &words, sizeof words);
    }
    if (len - i >= sizeof word) {
        memcpy(&word, data + i, sizeof word);
        word ^= key8;
        memcpy(data + i, &word, sizeof word);
        i += sizeof word;
    }
    for (; i < len; i++)
        data[i] ^= mask[i & 3];
}

bool ws_frame_whole(struct ws_frame *f, uint8_t **in, size_t *n, struct ws_slice *out)
{
    uint8_t *at = *in;
    size_t head = 2 + MASK_BYTES, len;

    if (*n < head || f->have > 0 || f->in_message || (at[0] & ~OP_BITS) != FIN ||
        !(at[1] & MASKED))
        return false;
    uint8_t op = at[0] & OP_BITS;
    len = at[1] & LEN_BITS;
    if (len == LEN_16) {
        len = (size_t)(at[2] << 8 | at[3]);
        head += 2;
        if (len < LEN_16)
            return false;
    }
    if ((op != WS_TEXT && op != WS_BINARY) || len == LEN_64 || len > f->max_payload ||
        *n < head || *n - head < len)
        return false;
    unmask(at + head, len, at + head - MASK_BYTES, 0);
    *out = (struct ws_slice){
        .op = (enum ws_op)op,
        .fin = true,
        .first = true,
        .last = true,
        .data = at + head,
        .len = len,
    };
    *in += head + len;
    *n -= head + len;
    return true;
}

void ws_frame_mask_again(const struct ws_slice *whole)
{
    unmask(whole->data, whole->len, whole->data - MASK_BYTES, 0);
}

enum ws_result ws_frame_next(struct ws_frame *f, uint8_t **in, size_t *n,
                             struct ws_slice *out)
{
    enum ws_result r = WS_MORE;

    /* Header. Copied, because a read may end inside it; at most 14 bytes. */
    if (f->have == 0 && *n >= sizeof f->head) {
        memcpy(f->head, *in, sizeof f->head);
        r = check_start(f);
        if (r == WS_MORE)
            r = read_length(f);
        if (r < 0)
            return r;
        f->have = f->need;
        *in += f->need;
        *n -= f->need;
    }
    while (f->have < f->need) {
        if (*n == 0)
            return WS_MORE;
        f->head[f->have++] = *(*in)++;
        --*n;
        if (f->have == 2)
            r = check_start(f);
        if (r == WS_MORE && f->have == f->need - MASK_BYTES)
            r = read_length(f);
        if (r < 0)
            return r;
    }
    if (f->left > 0 && *n == 0)
        return WS_MORE;

    /* Payload. Never copied: the slice is the caller's own memory. */
    size_t len = f->left < *n ? (size_t)f->left : *n;
    unmask(*in, len, f->head + f->need - MASK_BYTES, f->pos);
    *out = (struct ws_slice){
        .op = (enum ws_op)(f->head[0] & OP_BITS),
        .fin = f->head[0] & FIN,
        .rsv1 = f->head[0] & WS_RSV1,
        .first = f->pos == 0,
        .last = len == f->left,
        .data = *in,
        .len = len,
    };
    *in += len;
    *n -= len;
    f->pos += len;
    f->left -= len;
    if (out->last)
        f->have = 0; /* need is set again by the next two bytes */
    return WS_SLICE;
}

uint16_t ws_close_code(enum ws_result r)
{
    switch (r) {
    case WS_ERR_UTF8: return CLOSE_BAD_DATA;
    case WS_ERR_TOO_BIG: return CLOSE_TOO_BIG;
    case WS_ERR_MEMORY: return CLOSE_INTERNAL;
    default: return CLOSE_PROTOCOL;
    }
}

size_t ws_frame_head(uint8_t out[WS_HEAD_MAX], enum ws_op op, uint64_t len)
{
    unsigned length_bytes = len < LEN_16 ? 0 : len <= UINT16_MAX ? 2 : 8;

    out[0] = (uint8_t)(FIN | op);
    out[1] = (uint8_t)(length_bytes == 0 ? len : length_bytes == 2 ? LEN_16 : LEN_64);
    for (unsigned i = 0; i < length_bytes; i++)
        out[2 + i] = (uint8_t)(len >> (8 * (length_bytes - 1 - i)));
    return 2 + length_bytes;
}

struct chunk *ws_frame_chunk(enum ws_op op, const void *payload, size_t len)
{
    uint8_t head[WS_HEAD_MAX];
    size_t head_bytes = ws_frame_head(head, op, len);
    struct chunk *c = chunk_new(head_bytes + len);

    if (!c)
        return NULL;
    memcpy(c->bytes, head, head_bytes);
    if (len)
        memcpy(c->bytes + head_bytes, payload, len);
    return c;
}

size_t ws_frame_head_bytes(const uint8_t *frame)
{
    uint8_t len = frame[1] & 127; /* a server's frames have no mask */

    return len == 127 ? 10 : len == 126 ? 4 : 2;
}

size_t ws_frame_bytes(const uint8_t *frame)
{
    size_t head = ws_frame_head_bytes(frame), len = frame[1];

    if (head > 2)
        len = 0;
    for (size_t i = 2; i < head; i++)
        len = len << 8 | frame[i];
    return head + len;
}

struct chunk *ws_frame_close(uint16_t code, const char *reason)
{
    uint8_t payload[CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t len = reason ? strlen(reason) : 0;

    if (code == 0)
        return ws_frame_chunk(WS_CLOSE, NULL, 0);
    if (len > REASON_MAX) {
        len = REASON_MAX;
        while (len > 0 && ((uint8_t)reason[len] & 0xc0) == 0x80)
            len--;
    }
    if (len)
        memcpy(payload + 2, reason, len);
    return ws_frame_chunk(WS_CLOSE, payload, 2 + len);
}
