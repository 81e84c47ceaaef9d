/* SPDX-License-Identifier: MIT */
#include "net/tls_rig.h"

TEST(tls_files, "a file that is no good is named, with what is wrong")
{
    static const struct {
        const char *cert, *key, *file, *says;
    } cases[] = {
        {"none", "a",      "none.pem",   "cannot be read: No such file"  },
        {"a",    "none",   "none.key",   "cannot be read: No such file"  },
        {"dir",  "a",      "dir.pem",    "cannot be read: Is a directory"},
        {"text", "a",      "text.pem",   "no certificate in PEM form"    },
        {"a",    "text",   "text.key",   "no key that can be read"       },
        {"a",    "locked", "locked.key", "it has a password"             },
        {"a",    "b",      "b.key",      "does not belong to"            },
        {"old",  "old",    "old.pem",    "has expired on"                },
        {"new",  "new",    "new.pem",    "is valid only from"            },
        {"cut",  "a",      "cut.pem",    "certificate 2 in"              },
    };
    char folder[64], command[1024];
    struct tls_context *t;
    struct err e;

    tls_folder(folder);
    tls_make(folder, "a", "DNS:a.test", -60, DAY_S, 0);
    tls_make(folder, "b", "DNS:b.test", -60, DAY_S, 0);
    tls_make(folder, "old", "DNS:a.test", -2 * DAY_S, -DAY_S, 0);
    tls_make(folder, "new", "DNS:a.test", DAY_S, 2 * DAY_S, 0);
    snprintf(command, sizeof command,
             "cd %s && mkdir dir.pem && echo hello >text.pem && echo hello >text.key && "
             "cat a.pem a.pem | head -c -60 >cut.pem && "
             "openssl ec -in a.key -out locked.key -aes128 -passout pass:x 2>/dev/null",
             folder);
    CHECK_EQ(system(command), 0);
    CHECK_EQ(tls_load(&t, folder, "a", "a", &e), 0);
    tls_context_unref(&t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_EQ(tls_load(&t, folder, cases[i].cert, cases[i].key, &e), -EINVAL);
        CHECK(t == NULL);
        CHECK(strstr(e.text, cases[i].file) != NULL);
        CHECK(strstr(e.text, cases[i].says) != NULL);
        CHECK(strchr(e.text, '\n') == NULL);
    }
    tls_folder_end(folder);
}

TEST(tls_self_signed, "a certificate for development is made once, kept unreadable for "
                      "others, and made anew when it is broken")
{
    char folder[64], path[128], first[8192] = {0}, again[8192] = {0};
    struct tls_context *t;
    struct stat st;
    struct rig r;
    struct err e;
    FILE *f;

    tls_folder(folder);
    rig_init(&r, NULL);
    snprintf(path, sizeof path, "%s/dev.pem", folder);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(tls_context_self_signed(&t, path, &e), 0);
        tls_context_unref(&t);
        CHECK((f = fopen(path, "r")) != NULL);
        CHECK(fread(i ? again : first, 1, sizeof first - 1, f) > 0);
        fclose(f);
    }
    CHECK_STR(first, again);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK((f = fopen(path, "w")) != NULL);
    fputs("broken", f);
    fclose(f);
    CHECK_EQ(tls_context_self_signed(&t, path, &e), 0);
    edge_use_tls(r.edge, t);
    tls_context_unref(&t);
    SSL_CTX *client = tls_client();
    SSL *ssl = tls_connect(&r, client, "localhost");
    CHECK(tls_is_for(ssl, "localhost"));
    tls_end(ssl);
    SSL_CTX_free(client);
    tls_rig_fini(&r, folder);
}
