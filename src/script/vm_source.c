/* SPDX-License-Identifier: MIT */
#include "script/vm_source.h"

#include <stdlib.h>
#include <string.h>

struct source {
    size_t len;
    bool is_library;
    char text[];
};

void vm_sources_init(struct vm_sources *s)
{
    map_init(&s->files);
}

void vm_sources_fini(struct vm_sources *s)
{
    for (struct map_entry *e = NULL; (e = map_next(&s->files, e));)
        free(e->value);
    map_fini(&s->files);
}

void vm_sources_keep(struct vm_sources *s, const char *path, const char *text, size_t len,
                     bool is_library)
{
    struct source *file;

    if (map_get_bytes(&s->files, path, strlen(path)) ||
        !(file = malloc(sizeof *file + len + 1)))
        return;
    file->len = len;
    file->is_library = is_library;
    memcpy(file->text, text, len);
    file->text[len] = 0;
    if (!map_put_bytes(&s->files, path, strlen(path), file))
        free(file);
}

const char *vm_sources_find(const struct vm_sources *s, const char *path, size_t *len,
                            bool *is_library)
{
    const struct source *file = map_get_bytes(&s->files, path, strlen(path));

    if (!file)
        return NULL;
    *len = file->len;
    *is_library = file->is_library;
    return file->text;
}
