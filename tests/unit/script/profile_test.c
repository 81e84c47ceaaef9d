/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "script/profile.h"

static const char *written(const struct profile *p, struct buf *out)
{
    buf_clear(out);
    profile_write(p, out);
    buf_byte(out, 0);
    CHECK(!out->failed);
    return (const char *)out->data;
}

TEST(profile_fold, "equal stacks are one line with their count, by name; nothing is none")
{
    static struct profile p;
    struct buf out;

    buf_init(&out, 0);
    profile_init(&p);
    CHECK_STR(written(&p, &out), "");
    for (int i = 0; i < 3; i++) {
        profile_frame(&p, "callback %s", "pond.tick");
        profile_frame(&p, "game.lua:%d step", 12);
        profile_count(&p);
    }
    profile_count(&p);
    profile_frame(&p, "a");
    profile_count(&p);
    CHECK_STR(written(&p, &out), "a 1\ncallback pond.tick;game.lua:12 step 3\n");
    CHECK_EQ(p.n_samples, 4);
    profile_fini(&p);
    buf_fini(&out);
}

TEST(profile_names, "a frame cannot break the format, whatever a script calls it")
{
    static struct profile p;
    struct buf out;
    char wide[400];

    buf_init(&out, 0);
    profile_init(&p);
    profile_frame(&p, "a;b\nc\td");
    profile_frame(&p, "%s", "");
    profile_frame(&p, "h\xc3\xbcpf");
    profile_count(&p);
    CHECK_STR(written(&p, &out), "a_b_c_d;h\xc3\xbcpf 1\n");
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = 0;
    for (int i = 0; i < 3 * PROFILE_MAX_FRAMES; i++)
        profile_frame(&p, "%s", wide);
    CHECK(p.n_text <= sizeof p.text);
    profile_count(&p);
    CHECK_EQ(p.stacks.n, 2);
    profile_fini(&p);
    buf_fini(&out);
}

TEST(profile_bound, "stacks that find no place are counted as [other], those known go on")
{
    static struct profile p;
    struct buf out;

    buf_init(&out, 0);
    profile_init(&p);
    for (int i = 0; i < PROFILE_MAX_STACKS + 100; i++) {
        profile_frame(&p, "f%d", i);
        profile_count(&p);
    }
    profile_frame(&p, "f7");
    profile_count(&p);
    CHECK_EQ(p.stacks.n, PROFILE_MAX_STACKS);
    CHECK_EQ(p.n_other, 100);
    CHECK(strstr(written(&p, &out), "\n[other] 100\n"));
    CHECK(strstr((char *)out.data, "\nf7 2\n"));
    profile_fini(&p);

    profile_init(&p);
    for (int i = 0; i < 1000; i++) {
        for (int k = 0; k < PROFILE_MAX_FRAMES; k++)
            profile_frame(&p, "%d %0*d", i, PROFILE_FRAME_BYTES, k);
        profile_count(&p);
    }
    CHECK(p.bytes <= PROFILE_MAX_BYTES);
    CHECK(p.bytes > PROFILE_MAX_BYTES / 2);
    CHECK_EQ(p.n_other + p.stacks.n, 1000);
    profile_fini(&p);
    buf_fini(&out);
}
