/* Tests of rtmp/server: the real server and plain peers on real sockets, in one process and one loop. */
#include "base/error.h"
#include "peer.h"

#include <string.h>

static void test_commands(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) peer = peer_open(&f);
    peer_connect(peer, "live/x");
    peer_command(peer, "releaseStream", 2, "in");
    peer_command(peer, "FCPublish", 3, "in");
    peer_command(peer, "createStream", 4, NULL);
    peer_command(peer, "_checkbw", 6, NULL);
    peer_command(peer, "somethingElse", 7, NULL);
    peer_command(peer, "somethingWithoutAnswer", 0, NULL);
    peer_message(peer, DUB_RTMP_USER_CONTROL, 0, (const guint8 *) "\0\6\1\2\3\4", 6);
    UNTIL(said(peer, "[4@0:6:0007]")); /* pong */
    g_assert_cmpstr(peer->log->str, ==,
                    "[5@0:4:0026] [6@0:5:0026] [1@0:4:0001] [_result 1 NetConnection.Connect.Success] "
                    "[_result 2 ] [_result 3 ] [_result 4 1] [_result 6 ] "
                    "[_error 7 NetConnection.Call.Failed] [4@0:6:0007] ");
    finish(&f);
}

static void test_join_late(void)
{
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .head_ms = 1 };
    start(&f, &config);
    g_autoptr(Peer) publisher = publish(&f, "live", "x/in?lang=es&b");
    send_head(publisher);
    video(publisher, 100, KEY, 300);
    audio(publisher, 110, "\xaf\x01");
    UNTIL(strcmp(f.events->str, "+live/x/in?lang=es&b ") == 0);
    g_usleep(2000); /* the head is over after 1 ms: a clock, not a condition */
    video(publisher, 200, KEY, 300);
    audio(publisher, 210, "\xaf\x01");
    video(publisher, 240, INTER, 100);
    UNTIL(received(&f, "live/x/in") == 30 + 40 + 4 + 300 + 4 + 300 + 4 + 100);
    g_autoptr(Peer) player = play(&f, "live/x", "in");
    UNTIL(said(player, "[9@240:100:2701]"));
    video(publisher, 280, INTER, 90);
    audio(publisher, 0x1000000, "\xaf\x01");
    UNTIL(said(player, "[8@16777216:4:af01]"));
    g_assert_nonnull(strstr(player->log->str,
                            "[4@0:6:0000] [onStatus 0 NetStream.Play.Reset] [onStatus 0 NetStream.Play.Start] "
                            "[18@200:14:0200] [9@200:40:1700] [8@200:4:af00] [9@200:300:1701] [8@210:4:af01] "
                            "[9@240:100:2701] [9@280:90:2701] [8@16777216:4:af01] "));
    finish(&f);
}

static void test_players_are_alike(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) early = play(&f, "live", "x"); /* before there is a publisher */
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    UNTIL(said(early, "NetStream.Play.Start"));
    send_head(publisher);
    video(publisher, 0, KEY, 100000);
    g_autoptr(Peer) late = play(&f, "live", "x");
    for (guint32 i = 1; i <= 30; i++)
        video(publisher, 40 * i, INTER, 70000 + i);
    UNTIL(said(early, "[9@1200:70030:2701]") && said(late, "[9@1200:70030:2701]"));
    g_assert_cmpstr(early->log->str, ==, late->log->str);
    g_assert_cmpuint(early->bytes, ==, late->bytes);
    finish(&f);
}

static void test_bad_name(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) publisher = publish(&f, "live", "../x");
    g_assert_true(said(publisher, "NetStream.Publish.BadName"));
    g_autoptr(Peer) player = play(&f, "", "");
    UNTIL(said(player, "NetStream.Play.Failed"));
    UNTIL(is_closed(player) && is_closed(publisher));
    finish(&f);
}

static void test_not_found(void)
{
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .wait_ms = 50 };
    start(&f, &config);
    g_autoptr(Peer) player = play(&f, "live", "x");
    UNTIL(said(player, "NetStream.Play.StreamNotFound"));
    UNTIL(is_closed(player));
    g_assert_null(strstr(player->log->str, "NetStream.Play.Start"));
    finish(&f);
}

typedef enum { BY_CLOSE, BY_COMMAND, BY_KICK, BY_STOP } Ending;

static void test_end(const void *data)
{
    Fixture f = { 0 };
    start(&f, NULL);
    Peer *publisher = publish(&f, "live", "x");
    g_autoptr(Peer) player = play(&f, "live", "x");
    send_head(publisher);
    video(publisher, 0, KEY, 100);
    UNTIL(said(player, "[9@0:100:1701]"));
    switch ((Ending) GPOINTER_TO_INT(data)) {
    case BY_CLOSE: g_assert_true(g_socket_shutdown(publisher->socket, TRUE, TRUE, NULL)); break;
    case BY_COMMAND: peer_command(publisher, "deleteStream", 6, NULL); break;
    case BY_KICK: g_assert_true(dub_rtmp_server_kick(f.server, "live/x")); break;
    case BY_STOP: dub_rtmp_server_stop(f.server); break;
    }
    const gint64 begun_ns = dub_clock_now();
    UNTIL(is_closed(player));
    g_assert_cmpint(dub_clock_now() - begun_ns, <, 2 * DUB_NS_PER_S);
    g_assert_true(g_str_has_suffix(player->log->str, "[onStatus 0 NetStream.Play.UnpublishNotify] [4@0:6:0001] "
                                                     "[onStatus 0 NetStream.Play.Stop] "));
    g_assert_cmpstr(f.events->str, ==, "+live/x? -live/x ");
    g_assert_false(dub_rtmp_server_kick(f.server, "live/x"));
    g_assert_null(dub_rtmp_server_path(f.server, "live/x"));
    peer_free(publisher);
    g_socket_close(player->socket, NULL);
    UNTIL(dub_rtmp_server_connections(f.server) == 0);
    finish(&f);
}

static void test_republish(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    video(publisher, 0, KEY, 10);
    UNTIL(strstr(f.events->str, "+live/x"));
    peer_command(publisher, "FCUnpublish", 6, "x");
    UNTIL(said(publisher, "NetStream.Unpublish.Success"));
    g_string_truncate(publisher->log, 0);
    peer_command(publisher, "publish", 7, "x");
    UNTIL(said(publisher, "NetStream.Publish.Start"));
    video(publisher, 0, KEY, 10);
    UNTIL(strcmp(f.events->str, "+live/x? -live/x +live/x? ") == 0);
    finish(&f);
}

/* Inside the event that made it ready, with more of its messages read already. */
static void test_kick_in_callback(void)
{
    Fixture f = { .kicks = true };
    start(&f, NULL);
    g_autoptr(Peer) player = play(&f, "live", "x");
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    for (guint32 i = 0; i < 5; i++)
        video(publisher, i, KEY, 10);
    UNTIL(is_closed(publisher) && is_closed(player));
    g_assert_cmpstr(f.events->str, ==, "+live/x? -live/x ");
    g_assert_true(said(player, "[9@0:10:1701] [onStatus 0 NetStream.Play.UnpublishNotify]"));
    finish(&f);
}

static void test_paths(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) b = publish(&f, "live", "b?q=1");
    g_autoptr(Peer) a = publish(&f, "live", "a");
    g_autoptr(Peer) waiting = play(&f, "live", "nobody");
    g_autoptr(Peer) player = play(&f, "live", "b");
    send_head(b);
    video(b, 0, KEY, 1000);
    UNTIL(said(player, "[9@0:1000:1701]"));
    g_autoptr(GPtrArray) paths = dub_rtmp_server_paths(f.server);
    g_assert_cmpuint(paths->len, ==, 2);
    const DubRtmpPathInfo *first = paths->pdata[0], *second = paths->pdata[1];
    g_assert_cmpstr(first->name, ==, "live/a");
    g_assert_false(first->ready);
    g_assert_cmpstr(second->name, ==, "live/b");
    g_assert_true(second->ready);
    g_assert_cmpint(second->ready_unix_ms, >, 0);
    g_assert_cmpstr(second->query, ==, "q=1");
    g_assert_cmpuint(second->readers, ==, 1);
    g_assert_true(g_uuid_string_is_valid(second->reader_ids[0]));
    g_assert_cmpuint(second->bytes_received, ==, 30 + 40 + 4 + 1000);
    g_assert_cmpuint(second->bytes_sent, ==, 14 + 40 + 4 + 1000);
    g_assert_true(
        g_strv_equal((const char *const *) second->tracks, (const char *const[]){ "H264", "MPEG-4 Audio", NULL }));
    finish(&f);
}

static void test_slow_player(void)
{
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .player_queue_bytes = 1 << 20, .cache_bytes = 1 << 19 };
    start(&f, &config);
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    g_autoptr(Peer) good = play(&f, "live", "x");
    g_autoptr(Peer) slow = play(&f, "live", "x"); /* its socket is not read until the end */
    UNTIL(said(good, "NetStream.Play.Start") && dub_rtmp_server_connections(f.server) == 3);
    guint32 timestamp_ms = 0;
    while (dub_rtmp_server_connections(f.server) == 3) {
        g_assert_cmpuint(timestamp_ms, <, 40 * 4000);
        video(publisher, timestamp_ms, timestamp_ms % 400 == 0 ? KEY : INTER, 50000);
        peer_poll(good);
        turn();
        timestamp_ms += 40;
    }
    g_autofree char *last = g_strdup_printf("[9@%u:50000:", timestamp_ms - 40);
    UNTIL(said(good, last));
    g_assert_false(is_closed(publisher));
    UNTIL(is_closed(slow));
    finish(&f);
}

/* A player that is slow for a while goes on from a key frame. */
static void test_player_recovers(void)
{
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .player_queue_bytes = 4 << 20, .cache_bytes = 1 << 20 };
    start(&f, &config);
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    g_autoptr(Peer) player = play(&f, "live", "x");
    UNTIL(said(player, "NetStream.Play.Start"));
    video(publisher, 0, KEY, 1000);
    UNTIL(said(player, "[9@0:1000:1701]"));
    for (guint32 i = 1; i <= 400; i++) { /* 20 MB, nothing of it read: more than sockets and queue hold */
        video(publisher, i, INTER, 50000);
        turn();
    }
    UNTIL(said(player, "[9@1:50000:2701]"));
    video(publisher, 1000, KEY, 1001);
    video(publisher, 1001, INTER, 1002);
    UNTIL(said(player, "[9@1001:1002:2701]"));
    g_assert_null(strstr(player->log->str, "[9@400:50000:2701]"));
    g_assert_nonnull(strstr(player->log->str, "[9@1000:1001:1701] [9@1001:1002:2701]"));
    finish(&f);
}

typedef struct {
    const char *name;
    const char *bytes; /* after the handshake, or instead of it */
    gsize size;
    bool handshake;
} GarbageCase;

static const GarbageCase garbage_cases[] = {
    { "http", "GET / HTTP/1.1\r\n\r\n", 18, false },
    { "tls", "\x16\x03\x01\x02\x00\x01", 6, false },
    { "zeros", "\0\0\0\0", 4, false },
    { "orphan-chunk", "\xc3", 1, true },
    { "chunk-size-0", "\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\0", 16, true },
    { "command-not-amf", "\x03\0\0\0\0\0\x03\x14\0\0\0\0\xff\xff\xff", 15, true },
    { "command-without-name", "\x03\0\0\0\0\0\x01\x14\0\0\0\0\x05", 13, true },
    { "command-in-amf3", "\x03\0\0\0\0\0\x01\x11\0\0\0\0\x05", 13, true },
    { "message-16-mib-before-publish", "\x03\0\0\0\xff\xff\xff\x14\0\0\0\0", 12, true },
    { "publish-twice",
      "\x03\0\0\0\0\0\x18\x14\0\0\0\0\x02\0\x07publish\0\0\0\0\0\0\0\0\0\x05\x02\0\x01x"
      "\x03\0\0\0\0\0\x18\x14\0\0\0\0\x02\0\x07publish\0\0\0\0\0\0\0\0\0\x05\x02\0\x01y",
      72, true },
};

static void test_garbage(const void *data)
{
    const GarbageCase *c = data;
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) peer = peer_open(&f);
    static const guint8 hello[1 + 2 * DUB_RTMP_HANDSHAKE_BYTES] = { 3 };
    if (c->handshake)
        peer_send(peer, hello, sizeof hello);
    peer_send(peer, (const guint8 *) c->bytes, c->size);
    UNTIL(is_closed(peer));
    g_assert_cmpuint(dub_rtmp_server_connections(f.server), ==, 0);
    g_autoptr(Peer) next = publish(&f, "live", "x"); /* and the server lives */
    g_assert_true(said(next, "NetStream.Publish.Start"));
    finish(&f);
}

static void test_times_out(const void *data)
{
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .setup_ms = 50, .idle_ms = 50 };
    start(&f, &config);
    g_autoptr(Peer) peer = peer_open(&f);
    switch (GPOINTER_TO_INT(data)) {
    case 0: break; /* says nothing */
    case 1: peer_connect(peer, "live"); break;
    default: peer_connect(peer, "live"); peer_command(peer, "publish", 2, "x");
    }
    UNTIL(is_closed(peer));
    g_assert_cmpuint(dub_rtmp_server_connections(f.server), ==, 0);
    finish(&f);
}

static void test_connection_limit(void)
{
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .max_connections = 2 };
    start(&f, &config);
    Peer *first = publish(&f, "live", "x");
    g_autoptr(Peer) second = publish(&f, "live", "y");
    g_autoptr(Peer) third = peer_open(&f);
    UNTIL(is_closed(third));
    g_assert_cmpuint(third->bytes, ==, 0);
    peer_free(first);
    UNTIL(dub_rtmp_server_connections(f.server) == 1);
    g_autoptr(Peer) fourth = publish(&f, "live", "x");
    g_assert_true(said(fourth, "NetStream.Publish.Start"));
    finish(&f);
}

/* Those that do not say what they want make room, the oldest first; those that wait for a publisher after them. */
static void test_idle_make_room(void)
{
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .max_connections = 3 };
    start(&f, &config);
    g_autoptr(Peer) waiting = peer_open(&f);
    peer_connect(waiting, "live");
    peer_command(waiting, "play", 2, "x");
    g_autoptr(Peer) silent = peer_open(&f);
    UNTIL(dub_rtmp_server_connections(f.server) == 2);
    g_autoptr(Peer) connected = peer_open(&f);
    peer_connect(connected, "live");
    g_autoptr(Peer) fourth = publish(&f, "live", "y");
    UNTIL(is_closed(silent));
    g_assert_false(is_closed(connected));
    g_autoptr(Peer) fifth = publish(&f, "live", "z");
    UNTIL(is_closed(connected));
    g_assert_false(is_closed(waiting));
    g_autoptr(Peer) sixth = publish(&f, "live", "v");
    UNTIL(is_closed(waiting));
    g_assert_cmpuint(dub_rtmp_server_connections(f.server), ==, 3);
    finish(&f);
}

static void test_acknowledges(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    peer_message(publisher, DUB_RTMP_WINDOW_ACK_SIZE, 0, (const guint8 *) "\0\0\x20\0", 4);
    video(publisher, 0, KEY, 9000);
    UNTIL(said(publisher, "[3@0:4:"));
    finish(&f);
}

static void append_tag(GByteArray *out, guint8 type, guint32 timestamp_ms, const char *payload, guint8 size)
{
    const guint8 header[] = { type,
                              0,
                              0,
                              size,
                              (guint8) (timestamp_ms >> 16),
                              (guint8) (timestamp_ms >> 8),
                              (guint8) timestamp_ms,
                              (guint8) (timestamp_ms >> 24),
                              0,
                              0,
                              0 };
    const guint8 trailer[] = { 0, 0, 0, (guint8) (sizeof header + size) };
    g_byte_array_append(out, header, sizeof header);
    g_byte_array_append(out, (const guint8 *) payload, size);
    g_byte_array_append(out, trailer, sizeof trailer);
}

static void test_aggregate(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) player = play(&f, "live", "x");
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    g_autoptr(GByteArray) payload = g_byte_array_new();
    append_tag(payload, DUB_RTMP_VIDEO, 0x1000010, "\x17\x01\0\0\0\xaa", 6);
    append_tag(payload, DUB_RTMP_AUDIO, 0x1000020, "\xaf\x01\x55", 3);
    append_tag(payload, DUB_RTMP_VIDEO, 0x1000028, "\x27\x01\0\0\0\xbb\xbb", 7);
    peer_message(publisher, DUB_RTMP_AGGREGATE, 1000, payload->data, payload->len);
    UNTIL(said(player, "[9@1000:6:1701] [8@1016:3:af01] [9@1024:7:2701] "));
    peer_message(publisher, DUB_RTMP_AGGREGATE, 2000, payload->data, payload->len - 4);
    UNTIL(said(player, "[9@2024:7:2701] ")); /* the last trailer is missing */
    peer_message(publisher, DUB_RTMP_AGGREGATE, 3000, payload->data, payload->len - 5);
    UNTIL(is_closed(publisher));
    finish(&f);
}

static void test_port_in_use(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    const DubRtmpServerConfig config = { .host = "127.0.0.1", .port = dub_rtmp_server_port(f.server) };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_rtmp_server_new(&config, NULL, NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_BUSY);
    g_assert_nonnull(strstr(error->message, "choose another with RTMP_PORT"));
    finish(&f);
}

int main(int argc, char **argv)
{
    static const char *const endings[] = { "close", "command", "kick", "stop" };
    static const char *const silences[] = { "nothing", "connect", "publish" };
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    g_test_add_func("/rtmp/server/commands", test_commands);
    g_test_add_func("/rtmp/server/join-late", test_join_late);
    g_test_add_func("/rtmp/server/players-are-alike", test_players_are_alike);
    g_test_add_func("/rtmp/server/bad-name", test_bad_name);
    g_test_add_func("/rtmp/server/not-found", test_not_found);
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = g_strconcat("/rtmp/server/end/", endings[i], NULL);
        g_test_add_data_func(path, GINT_TO_POINTER(i), test_end);
    }
    g_test_add_func("/rtmp/server/republish", test_republish);
    g_test_add_func("/rtmp/server/kick-in-callback", test_kick_in_callback);
    g_test_add_func("/rtmp/server/paths", test_paths);
    g_test_add_func("/rtmp/server/slow-player", test_slow_player);
    g_test_add_func("/rtmp/server/player-recovers", test_player_recovers);
    for (gsize i = 0; i < G_N_ELEMENTS(garbage_cases); i++) {
        g_autofree char *path = g_strconcat("/rtmp/server/garbage/", garbage_cases[i].name, NULL);
        g_test_add_data_func(path, &garbage_cases[i], test_garbage);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(silences); i++) {
        g_autofree char *path = g_strconcat("/rtmp/server/times-out/", silences[i], NULL);
        g_test_add_data_func(path, GINT_TO_POINTER(i), test_times_out);
    }
    g_test_add_func("/rtmp/server/connection-limit", test_connection_limit);
    g_test_add_func("/rtmp/server/idle-make-room", test_idle_make_room);
    g_test_add_func("/rtmp/server/acknowledges", test_acknowledges);
    g_test_add_func("/rtmp/server/aggregate", test_aggregate);
    g_test_add_func("/rtmp/server/port-in-use", test_port_in_use);
    return g_test_run();
}
