/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "state/image.h"

static const char text[] =
    "{\"state\":{\"fields\":[[\"n\",{\"t\":\"u8\",\"def\":3}]],"
    "\"maps\":[[\"frogs\",{\"keys\":\"player\",\"fields\":["
    "[\"name\",{\"t\":\"str\",\"max\":8,\"def\":\"frog\"}],[\"x\",{\"t\":\"u8\"}]]}],"
    "[\"goods\",{\"keys\":\"string\",\"fields\":[]}]]}}";

static struct schema *schema;
static struct image *img;

static void open_image(uint32_t tick)
{
    schema = schema_of(text);
    CHECK_EQ(image_new(&img, schema, tick), 0);
    schema_unref(&schema); /* the image has its own */
}

static union cell number(int64_t q)
{
    return (union cell){.q = q};
}

static union cell name(const char *s)
{
    return (union cell){.text = chunk_copy(s, strlen(s))};
}

TEST(image_new, "a new image is at rest and holds the root's defaults")
{
    open_image(7);
    CHECK(img->at == 7 && img->tick == 7 && !img->is_open && img->n_rows == 0);
    CHECK_EQ(image_row(img, 0, 0)->now[0].q, 3);
    CHECK(bits_has(&img->tables[0].alive, 0) && bits_has(&img->tables[0].known, 0));
    CHECK(image_row(img, 1, 0) == NULL && image_row(img, 1, 99) == NULL);
    image_free(&img);
    CHECK(img == NULL);
    image_free(&img);
}

TEST(image_commits, "a commit tells whether anything is other than before")
{
    open_image(1);
    image_begin(img, 2);
    CHECK(!image_commit(img));
    CHECK_EQ(img->at, 1);
    image_begin(img, 3);
    CHECK(image_set(img, 0, 0, 0, number(4)));
    CHECK(!image_set(img, 0, 0, 0, number(4)));
    CHECK(image_commit(img));
    CHECK(img->at == 3 && img->was_at == 1);
    image_begin(img, 9);
    uint32_t s = image_add(img, 1, 5, NULL, 0);
    CHECK(image_commit(img));
    CHECK(img->at == 9 && img->was_at == 3);
    image_begin(img, 10);
    image_remove(img, 1, s);
    CHECK(image_commit(img));
    CHECK(img->at == 10 && img->was_at == 9);
    image_free(&img);
}

TEST(image_undone, "what is undone within a bracket is no change")
{
    open_image(1);
    image_begin(img, 2);
    uint32_t s = image_add(img, 1, 5, NULL, 0);
    CHECK(image_commit(img));
    image_begin(img, 3);
    CHECK(image_set(img, 0, 0, 0, number(4)));
    CHECK(image_set(img, 0, 0, 0, number(3)));
    CHECK(image_set(img, 1, s, 0, name("ann")));
    CHECK(image_set(img, 1, s, 0, name("frog")));
    image_remove(img, 1, image_add(img, 1, 6, NULL, 0));
    CHECK(!image_commit(img));
    CHECK(img->at == 2 && img->was_at == 1);
    image_begin(img, 4); /* and leaves nothing for the next one */
    CHECK(!image_commit(img));
    image_begin(img, 5);
    CHECK(image_set(img, 1, s, 0, name("ann")));
    CHECK(image_set(img, 1, s, 1, number(1)));
    CHECK(image_set(img, 1, s, 1, number(0)));
    CHECK(image_commit(img));
    image_free(&img);
}

TEST(image_replaced, "a row that leaves and one that takes its slot are a change")
{
    open_image(1);
    image_begin(img, 2);
    image_add(img, 1, 5, NULL, 0);
    image_commit(img);
    image_begin(img, 3);
    image_remove(img, 1, 0);
    CHECK_EQ(image_add(img, 1, 5, NULL, 0), 0);
    CHECK(image_commit(img));
    CHECK_EQ(image_row(img, 1, 0)->spawn, 3);
    CHECK(bits_has(&img->tables[1].left, 0) && bits_has(&img->tables[1].changed, 0));
    image_free(&img);
}

TEST(image_before, "the value before is that of the last tick, however often it is set")
{
    open_image(1);
    image_begin(img, 2);
    image_add(img, 1, 5, NULL, 0);
    image_set(img, 1, 0, 1, number(10));
    image_commit(img);
    image_begin(img, 3);
    image_set(img, 1, 0, 1, number(20));
    image_set(img, 1, 0, 1, number(30));
    image_set(img, 1, 0, 0, name("ann"));
    image_set(img, 1, 0, 0, name("bob"));
    image_commit(img);
    const struct row *r = image_row(img, 1, 0);
    CHECK(r->before[1].q == 10 && r->now[1].q == 30);
    CHECK(r->ticks[0] == 3 && r->ticks[1] == 3 && r->changed == 3 && r->spawn == 2);
    CHECK_MEM(r->before[0].text->bytes, "frog", 4);
    CHECK_MEM(r->now[0].text->bytes, "bob", 3);
    image_free(&img);
}

TEST(image_slots, "the lowest free slot is taken, within one tick too")
{
    open_image(1);
    image_begin(img, 2);
    for (uint32_t i = 0; i < 200; i++)
        CHECK_EQ(image_add(img, 1, i, NULL, 0), i);
    image_remove(img, 1, 150);
    image_remove(img, 1, 3);
    image_remove(img, 1, 70);
    CHECK_EQ(image_add(img, 1, 300, NULL, 0), 3);
    CHECK_EQ(image_add(img, 1, 301, NULL, 0), 70);
    image_commit(img);
    image_begin(img, 3);
    CHECK_EQ(image_add(img, 1, 302, NULL, 0), 150);
    CHECK_EQ(image_add(img, 1, 303, NULL, 0), 200);
    CHECK_EQ(img->n_rows, 201);
    image_commit(img);
    image_free(&img);
}

TEST(image_max_rows, "past max_rows a row is refused, and one that leaves makes room")
{
    open_image(1);
    img->max_rows = 2;
    image_begin(img, 2);
    image_add(img, 1, 1, NULL, 0);
    image_add(img, 2, 0, "tea", 3);
    CHECK_EQ(image_add(img, 1, 2, NULL, 0), IMAGE_NO_SLOT);
    CHECK_EQ(image_add(img, 2, 0, "salt", 4), IMAGE_NO_SLOT);
    image_remove(img, 1, 0);
    CHECK_EQ(image_add(img, 2, 0, "salt", 4), 1);
    CHECK_MEM(image_row(img, 2, 1)->key.text->bytes, "salt", 4);
    image_commit(img);
    image_free(&img);
}
