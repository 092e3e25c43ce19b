/* Tests of rtmp/budget: what all connections of a server hold together is bounded, and who pays for it. */
#include "peer.h"

#include <string.h>

#define MIB (1u << 20)

static const DubRtmpServerConfig small = { .memory_bytes = 32 * MIB, .own_key = "mine", .publish_key = NULL };

/* The beginning of a message of 16 MiB, as a publisher sends it. */
static void begin_message(Peer *peer, gsize bytes)
{
    static const guint8 chunk_size[] = { 0, 1, 0, 0 }, header[] = { 6, 0, 0, 0, 0xff, 0xff, 0xfe, 9, 1, 0, 0, 0 };
    g_autofree guint8 *zeros = g_malloc0(65536);
    peer_message(peer, DUB_RTMP_SET_CHUNK_SIZE, 0, chunk_size, sizeof chunk_size);
    peer_send(peer, header, sizeof header);
    for (gsize at = 0; at < bytes; at += 65536) {
        if (at > 0)
            peer_send(peer, (const guint8 *) "\xc6", 1);
        peer_send(peer, zeros, 65536);
    }
}

static guint open_of(Peer **peers, guint n)
{
    guint open = 0;
    for (guint i = 0; i < n; i++)
        open += !is_closed(peers[i]);
    return open;
}

static void free_peers(Peer **peers, guint n)
{
    for (guint i = 0; i < n; i++)
        peer_free(peers[i]);
}

/* Publishers, each with 8 MiB of a message that does not end: the newest go, and the stream that was there before them
 * goes on. */
static void test_unfinished_messages(void)
{
    Fixture f = { 0 };
    start(&f, &small);
    g_autoptr(Peer) well = publish(&f, "live", "well");
    video(well, 0, KEY, 1000);
    Peer *greedy[8];
    for (guint i = 0; i < G_N_ELEMENTS(greedy); i++) {
        g_autofree char *key = g_strdup_printf("greedy-%u", i);
        greedy[i] = publish(&f, "live", key);
        begin_message(greedy[i], 8 * MIB);
    }
    for (guint i = 3; i < G_N_ELEMENTS(greedy); i++) /* three of them fit beside the stream, not four */
        UNTIL(is_closed(greedy[i]));
    g_assert_cmpuint(open_of(greedy, G_N_ELEMENTS(greedy)), ==, 3);
    video(well, 40, INTER, 1000);
    UNTIL(received(&f, "live/well") == 2000);
    free_peers(greedy, G_N_ELEMENTS(greedy));
    UNTIL(dub_rtmp_server_connections(f.server) == 1);
    g_autoptr(Peer) next = publish(&f, "live", "next"); /* what they took is free again */
    begin_message(next, 15 * MIB);
    video(well, 80, INTER, 1000);
    UNTIL(received(&f, "live/well") == 3000);
    g_assert_false(is_closed(next));
    finish(&f);
}

static void fill_cache(Peer *publisher, guint messages)
{
    video(publisher, 0, KEY, MIB);
    for (guint i = 1; i < messages; i++)
        video(publisher, i, INTER, MIB);
}

/* What paths keep for players that join. */
static void test_caches(void)
{
    Fixture f = { 0 };
    start(&f, &small);
    Peer *publishers[6];
    for (guint i = 0; i < G_N_ELEMENTS(publishers); i++) {
        g_autofree char *key = g_strdup_printf("p-%u", i), *path = g_strconcat("live/", key, NULL);
        publishers[i] = publish(&f, "live", key);
        fill_cache(publishers[i], 7);
        UNTIL(received(&f, path) == 7 * MIB || is_closed(publishers[i]));
    }
    g_assert_cmpuint(open_of(publishers, G_N_ELEMENTS(publishers)), ==, 4);
    for (guint i = 0; i < 3; i++)
        g_assert_false(is_closed(publishers[i]));
    free_peers(publishers, G_N_ELEMENTS(publishers));
    finish(&f);
}

/* Many players that take nothing hold the same frames: those count once. */
static void test_shared_frames(void)
{
    Fixture f = { 0 };
    start(&f, &small);
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    fill_cache(publisher, 7);
    UNTIL(received(&f, "live/x") == 7 * MIB);
    Peer *players[20];
    for (guint i = 0; i < G_N_ELEMENTS(players); i++)
        players[i] = play(&f, "live", "x");
    UNTIL(dub_rtmp_server_connections(f.server) == 1 + G_N_ELEMENTS(players));
    for (guint i = 0; i < G_N_ELEMENTS(players); i++)
        UNTIL(said(players[i], "[9@6:1048576:2701]")); /* none was ended */
    free_peers(players, G_N_ELEMENTS(players));
    finish(&f);
}

/* Players that take nothing of streams of their own. */
static void test_players(void)
{
    Fixture f = { 0 };
    start(&f, &small);
    Peer *publishers[3], *players[3];
    for (guint i = 0; i < G_N_ELEMENTS(players); i++) {
        g_autofree char *key = g_strdup_printf("x-%u", i);
        publishers[i] = publish(&f, "live", key);
        players[i] = play(&f, "live", key);
        UNTIL(said(players[i], "NetStream.Play.Start"));
    }
    g_autofree char *last = NULL;
    for (guint k = 0; k < 20; k++) { /* 60 MiB, a key frame each: paths keep one, players' queues all */
        for (guint i = 0; i < G_N_ELEMENTS(publishers); i++)
            video(publishers[i], k, KEY, MIB);
        turn();
    }
    guint closed = 0;
    for (guint i = 0; i < G_N_ELEMENTS(players); i++) {
        UNTIL(is_closed(players[i]) || is_closed(publishers[i]) || said(players[i], "[9@19:1048576:1701]"));
        closed += is_closed(players[i]) || is_closed(publishers[i]);
    }
    g_assert_cmpuint(closed, >, 0);
    free_peers(players, G_N_ELEMENTS(players));
    free_peers(publishers, G_N_ELEMENTS(publishers));
    finish(&f);
}

/* Who has shown the key, and this program's own, stay while others pay. */
static void test_proven_stay(void)
{
    Fixture f = { 0 };
    DubRtmpServerConfig config = small;
    config.play_key = "see";
    start(&f, &config);
    Peer *strangers[2];
    for (guint i = 0; i < G_N_ELEMENTS(strangers); i++) {
        g_autofree char *key = g_strdup_printf("s-%u", i);
        strangers[i] = publish(&f, "live", key);
        begin_message(strangers[i], 15 * MIB);
    }
    g_autoptr(Peer) own = publish(&f, "live", "own?key=mine"); /* the newest, and it takes much */
    fill_cache(own, 7);
    UNTIL(received(&f, "live/own") == 7 * MIB);
    UNTIL(is_closed(strangers[1]));
    g_assert_false(is_closed(own));
    g_assert_false(is_closed(strangers[0]));
    free_peers(strangers, G_N_ELEMENTS(strangers));
    finish(&f);
}

/* A tag that is kept of an aggregate message does not keep all of it: what nobody counts would fill the memory. */
static void test_aggregates_are_not_kept(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    g_autoptr(GByteArray) payload = g_byte_array_new();
    static const guint8 tag[] = { DUB_RTMP_VIDEO, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0x17, 1, 0, 0, 0, 0xaa, 0, 0, 0, 17 };
    static const guint8 junk[] = { 99, 0x7f, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0 };
    g_byte_array_append(payload, tag, sizeof tag);
    g_byte_array_append(payload, junk, sizeof junk);
    g_byte_array_set_size(payload, payload->len + 0x7fffff + 4);
    gint64 before_kb = 0, now_kb = 0;
    for (guint i = 0; i < 20; i++) { /* 160 MiB in the head of the stream, where all key frames are kept */
        peer_message(publisher, DUB_RTMP_AGGREGATE, i, payload->data, payload->len);
        UNTIL(received(&f, "live/x") == 6 * (i + 1));
        g_autofree char *status = NULL;
        g_assert_true(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
        now_kb = g_ascii_strtoll(strstr(status, "VmRSS:") + 6, NULL, 10);
        before_kb = i == 3 ? now_kb : before_kb;
    }
    g_assert_cmpint(now_kb - before_kb, <, 40000);
    finish(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    g_test_add_func("/rtmp/budget/unfinished-messages", test_unfinished_messages);
    g_test_add_func("/rtmp/budget/caches", test_caches);
    g_test_add_func("/rtmp/budget/shared-frames", test_shared_frames);
    g_test_add_func("/rtmp/budget/players", test_players);
    g_test_add_func("/rtmp/budget/proven-stay", test_proven_stay);
    g_test_add_func("/rtmp/budget/aggregates-are-not-kept", test_aggregates_are_not_kept);
    return g_test_run();
}
