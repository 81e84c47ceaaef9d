/* SPDX-License-Identifier: MIT */
#include "net/tls_rig.h"
#include "net/tls_slack.h"

TEST(slack_portions,
     "memory is given back when a portion of the connections has gone, once")
{
    while (tls_slack_give_back()) /* other tests' */
        ;
    for (int i = 0; i < 2 * TLS_SLACK_PORTION; i++)
        tls_slack_came();
    CHECK(!tls_slack_give_back());
    for (int i = 0; i < TLS_SLACK_PORTION - 1; i++)
        tls_slack_went();
    CHECK(!tls_slack_give_back());
    tls_slack_went();
    CHECK(tls_slack_give_back());
    CHECK(!tls_slack_give_back());
    /* As many as come and go at a time leave nothing behind. */
    for (int i = 0; i < 2 * TLS_SLACK_PORTION; i++) {
        tls_slack_came();
        tls_slack_went();
    }
    CHECK(!tls_slack_give_back());
    for (int i = 0; i < TLS_SLACK_PORTION; i++)
        tls_slack_went();
    CHECK(tls_slack_give_back());
}

TEST(slack_edge, "an edge gives it back when a crowd of half-open connections has gone")
{
    enum { N = TLS_SLACK_PORTION + 20 };
    struct rig r;
    char folder[64];
    int fds[N];

    while (tls_slack_give_back())
        ;
    tls_rig_init(&r, folder, NULL);
    for (int i = 0; i < N; i++)
        fds[i] = rig_connect(&r);
    RIG_WAIT(&r, edge_counters(r.edge)->open == N);
    CHECK_EQ(edge_counters(r.edge)->given_back, 0);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 0);
    rig_turn(&r);
    CHECK_EQ(edge_counters(r.edge)->given_back, 1);
    tls_rig_fini(&r, folder);
}
