/* SPDX-License-Identifier: MIT */
/*
 * replay - runs a fuzz target over the files of a folder, for machines without
 * libFuzzer. One line of TAP a file; a failure ends the process.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_SEED = 1 << 20 };

static void run(const char *folder, const char *name)
{
    char path[1024];
    uint8_t *bytes = malloc(MAX_SEED);

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f || !bytes) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    size_t n = fread(bytes, 1, MAX_SEED, f);
    fclose(f);
    /* In a block of its own size, so that a read past the end is seen. */
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact)
        exit(1);
    memcpy(exact, bytes, n);
    free(bytes);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

int main(int argc, char **argv)
{
    int n = 0;
    DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;

    if (!dir) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 64;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        run(argv[1], e->d_name);
        printf("ok %d - %s\n", ++n, e->d_name);
    }
    closedir(dir);
    printf("1..%d\n", n);
    return n ? 0 : 1;
}
