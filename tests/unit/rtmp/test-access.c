/* Tests of rtmp/access: who may publish and play, and who gives way to whom. */
#include "base/error.h"
#include "peer.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name, *key, *says;
} KeyCase;

static const KeyCase key_cases[] = {
    { "none", "x", "NetStream.Publish.Denied" },
    { "wrong", "x?key=guess", "NetStream.Publish.Denied" },
    { "the-players", "x?key=see", "NetStream.Publish.Denied" },
    { "right", "x?key=bring", "NetStream.Publish.Start" },
    { "encoded", "x?a=b&key=brin%67&c=d", "NetStream.Publish.Start" },
    { "own", "x?key=mine", "NetStream.Publish.Start" },
};

static void test_key(const void *data)
{
    const KeyCase *c = data;
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .publish_key = "bring", .play_key = "see", .own_key = "mine" };
    start(&f, &config);
    g_autoptr(Peer) peer = peer_open(&f);
    peer_connect(peer, "live");
    peer_command(peer, "publish", 2, c->key);
    UNTIL(said(peer, c->says));
    g_autoptr(DubRtmpPathInfo) info = dub_rtmp_server_path(f.server, "live/x");
    g_assert_true(!info || !strstr(info->query, "key"));
    finish(&f);
}

/* --- one publisher after another --- */

static void test_take_over(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) old = publish(&f, "live", "x");
    g_autoptr(Peer) player = play(&f, "live", "x");
    send_head(old);
    video(old, 1000, KEY, 100);
    audio(old, 1020, "\xaf\x01");
    UNTIL(said(player, "[8@1020:4:af01]"));
    g_autoptr(Peer) newer = publish(&f, "live/x", "?lang=es"); /* the old one lives: at this end nobody can know */
    UNTIL(is_closed(old));
    g_assert_true(said(old, "[onStatus 0 NetStream.Publish.BadName]"));
    g_assert_nonnull(strstr(old->told->str, "Another publisher has taken this path over."));
    g_string_truncate(player->log, 0);
    send_head(newer);
    audio(newer, 0, "\xaf\x01"); /* before its first key frame: sound is passed on, pictures are not */
    video(newer, 10, INTER, 50);
    video(newer, 40, KEY, 200);
    video(newer, 80, INTER, 210);
    UNTIL(said(player, ":210:2701]"));
    g_assert_false(is_closed(player));
    g_assert_null(strstr(player->log->str, "onStatus")); /* for a player nothing has ended */
    guint sound, key, inter;
    const char *at = strstr(player->log->str, "[8@");
    while (at && !strstr(at, ":4:af01]"))
        at = strstr(at + 1, "[8@");
    g_assert_nonnull(at);
    const char *media = strstr(player->log->str, ":4:af01]");
    while (*media != '@')
        media--;
    g_assert_cmpint(sscanf(media, "@%u:4:af01] [9@%u:200:1701] [9@%u:210:2701]", &sound, &key, &inter), ==, 3);
    g_assert_cmpuint(sound, >, 1020); /* time has not gone back, and not far ahead */
    g_assert_cmpuint(sound, <, 1020 + PATIENCE_NS / DUB_NS_PER_MS);
    g_assert_cmpuint(key, ==, sound + 40);
    g_assert_cmpuint(inter, ==, sound + 80);
    g_assert_cmpstr(f.events->str, ==, "+live/x? -live/x +live/x?lang=es ");
    finish(&f);
}

/* What has sent nothing yet is no stream: the newer one's times stay as they are. */
static void test_take_over_from_nothing(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) old = publish(&f, "live", "x");
    g_autoptr(Peer) newer = publish(&f, "live", "x");
    g_autoptr(Peer) player = play(&f, "live", "x");
    video(newer, 77, KEY, 100);
    UNTIL(said(player, "[9@77:100:1701]") && is_closed(old));
    g_assert_cmpstr(f.events->str, ==, "+live/x? ");
    finish(&f);
}

/* A program that plays on own behalf gets an end: what it comes back for may be another stream altogether. */
static void test_own_players_come_again(void)
{
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .own_key = "mine" };
    start(&f, &config);
    g_autoptr(Peer) old = publish(&f, "live", "x");
    g_autoptr(Peer) own = play(&f, "live", "x?key=mine");
    g_autoptr(Peer) viewer = play(&f, "live", "x");
    video(old, 0, KEY, 100);
    UNTIL(said(own, "[9@0:100:1701]") && said(viewer, "[9@0:100:1701]"));
    g_autoptr(Peer) newer = publish(&f, "live", "x");
    UNTIL(is_closed(own));
    g_assert_nonnull(strstr(own->log->str, "NetStream.Play.UnpublishNotify"));
    video(newer, 0, KEY, 101);
    UNTIL(said(viewer, ":101:1701]"));
    finish(&f);
}

static bool owns_out(const char *path, void *user_data G_GNUC_UNUSED)
{
    return g_str_has_suffix(path, "/out");
}

typedef enum { NO_OVERRIDE, OWNED, OWN_ONE, STRANGER, STRANGER_WITHOUT_KEY } Refusal;

static const struct {
    const char *name, *says;
} refusals[] = {
    [NO_OVERRIDE] = { "setting", "RTMP_OVERRIDE_PUBLISHER=1 would let you take over" },
    [OWNED] = { "owned", "which owns it" },
    [OWN_ONE] = { "own", "which owns it" },
    [STRANGER] = { "stranger", "no RTMP_PUBLISH_KEY tells who is who" },
    [STRANGER_WITHOUT_KEY] = { "stranger-without-key", "The key is wrong or missing" },
};

static void test_stays(const void *data)
{
    const Refusal refusal = (Refusal) GPOINTER_TO_INT(data);
    Fixture f = { .callbacks.is_owned = owns_out };
    const DubRtmpServerConfig config = { .keeps_publishers = refusal == NO_OVERRIDE,
                                         .own_key = "mine",
                                         .publish_key = refusal == STRANGER_WITHOUT_KEY ? "bring" : NULL };
    start(&f, &config);
    const char *key = refusal == OWNED ? "x/out" : refusal == OWN_ONE ? "x?key=mine" : "x?key=bring";
    g_autoptr(Peer) first = publish(&f, "live", key);
    send_head(first);
    video(first, 0, KEY, 100);
    UNTIL(f.events->len > 0);
    const bool is_elsewhere = refusal == STRANGER || refusal == STRANGER_WITHOUT_KEY;
    g_autoptr(Peer) second = peer_open_from(&f, is_elsewhere ? "127.0.0.2" : "127.0.0.1");
    peer_connect(second, "live");
    peer_command(second, "publish", 5, refusal == OWNED ? "x/out" : "x");
    UNTIL(is_closed(second));
    g_assert_nonnull(strstr(second->told->str, refusals[refusal].says));
    g_autofree char *before = g_strdup(f.events->str);
    video(first, 40, INTER, 100);
    UNTIL(received(&f, refusal == OWNED ? "live/x/out" : "live/x") == 30 + 40 + 4 + 100 + 100);
    g_assert_cmpstr(f.events->str, ==, before);
    g_assert_false(is_closed(first));
    finish(&f);
}

/* With the key it may come from anywhere: a phone changes its address. */
static void test_take_over_from_elsewhere(void)
{
    Fixture f = { 0 };
    const DubRtmpServerConfig config = { .publish_key = "bring" };
    start(&f, &config);
    g_autoptr(Peer) old = publish(&f, "live", "x?key=bring");
    video(old, 0, KEY, 100);
    UNTIL(f.events->len > 0);
    g_autoptr(Peer) newer = peer_open_from(&f, "127.0.0.2");
    peer_connect(newer, "live");
    peer_command(newer, "publish", 5, "x?key=bring");
    UNTIL(said(newer, "NetStream.Publish.Start") && is_closed(old));
    finish(&f);
}

/* Without a key, from elsewhere: one that is silent gives way. */
static void test_silent_gives_way(void)
{
    Fixture f = { 0 };
    start(&f, NULL);
    g_autoptr(Peer) old = publish(&f, "live", "x");
    video(old, 0, KEY, 100);
    UNTIL(f.events->len > 0);
    const gint64 silent_ns = dub_clock_now();
    for (bool done = false; !done;) {
        g_autoptr(Peer) newer = peer_open_from(&f, "127.0.0.2");
        peer_connect(newer, "live");
        peer_command(newer, "publish", 5, "x");
        UNTIL(said(newer, "NetStream.Publish."));
        done = said(newer, "NetStream.Publish.Start");
        g_assert_cmpint(dub_clock_now() - silent_ns, <, PATIENCE_NS);
    }
    g_assert_cmpint(dub_clock_now() - silent_ns, >=, 2 * DUB_NS_PER_S);
    finish(&f);
}

/* --- names --- */

static char *name_inputs(const char *path, bool publishes, char **note, void *user_data G_GNUC_UNUSED)
{
    if (strcmp(path, "live/never") == 0) {
        *note = g_strdup("This one is taken.");
        return NULL;
    }
    if (publishes && strcmp(path, "else/x") == 0)
        *note = g_strdup("This one is not looked at.");
    return strcmp(path, "live/x") == 0 ? g_strdup("live/x/in") : g_strdup(path);
}

static void test_names(void)
{
    Fixture f = { .callbacks.on_name = name_inputs };
    start(&f, NULL);
    g_autoptr(Peer) publisher = publish(&f, "live", "x");
    g_autoptr(Peer) player = play(&f, "live", "x");
    g_autoptr(Peer) long_name = play(&f, "live", "x/in");
    video(publisher, 0, KEY, 100);
    UNTIL(said(player, "[9@0:100:1701]") && said(long_name, "[9@0:100:1701]"));
    g_assert_cmpstr(f.events->str, ==, "+live/x/in? ");
    g_autoptr(Peer) remarked = publish(&f, "else", "x");
    g_assert_true(said(remarked, "NetStream.Publish.Start"));
    g_assert_nonnull(strstr(remarked->told->str, "This one is not looked at."));
    g_autoptr(Peer) refused = publish(&f, "live", "never");
    UNTIL(is_closed(refused));
    g_assert_nonnull(strstr(refused->log->str, "NetStream.Publish.BadName"));
    g_assert_nonnull(strstr(refused->told->str, "This one is taken."));
    g_autoptr(Peer) no_play = play(&f, "live", "never");
    UNTIL(is_closed(no_play) && said(no_play, "NetStream.Play.Failed"));
    finish(&f);
}

/* --- the authority --- */

static void ask_later(const DubRtmpRequest *r, void *user_data)
{
    Fixture *f = user_data;
    g_assert_cmpstr(r->ip, ==, "127.0.0.1");
    g_string_append_printf(f->events, "%s %s?%s by %s:%s:%s ", r->action, r->path, r->query, r->user, r->password,
                           r->token);
    g_ptr_array_add(f->asked, g_strdup(r->id));
}

static void ask_at_once(const DubRtmpRequest *r, void *user_data)
{
    Fixture *f = user_data;
    ask_later(r, user_data);
    dub_rtmp_server_answer(f->server, r->id, strcmp(r->user, "anna") == 0 ? NULL : "Nobody knows you.");
}

/* All that a hasty peer sends behind its publish waits for the answer, and nothing of it is lost. */
static void test_asked(void)
{
    Fixture f = { .callbacks.on_ask = ask_later };
    const DubRtmpServerConfig config = { .own_key = "mine" };
    start(&f, &config);
    g_autoptr(Peer) publisher = peer_open(&f);
    peer_connect(publisher, "live?user=anna&pass=s%26cret");
    peer_command(publisher, "publish", 5, "x?lang=es");
    send_head(publisher);
    video(publisher, 0, KEY, 200000);
    UNTIL(f.asked->len == 1);
    g_assert_cmpstr(f.events->str, ==, "publish live/x?user=anna&pass=s%26cret&lang=es by anna:s&cret: ");
    g_string_truncate(f.events, 0);
    g_autoptr(Peer) player = peer_open(&f);
    peer_connect_to(player, "live", "rtmp://bert:word@127.0.0.1/live");
    peer_command(player, "play", 5, "x?jwt=abc");
    UNTIL(f.asked->len == 2);
    g_assert_cmpstr(f.events->str, ==, "read live/x?jwt=abc by bert:word:abc ");
    g_string_truncate(f.events, 0);
    g_assert_false(said(publisher, "NetStream.Publish."));
    dub_rtmp_server_answer(f.server, f.asked->pdata[0], NULL);
    UNTIL(strcmp(f.events->str, "+live/x?lang=es ") == 0);
    dub_rtmp_server_answer(f.server, f.asked->pdata[1], NULL);
    UNTIL(said(player, "[9@0:200000:1701]"));
    dub_rtmp_server_answer(f.server, f.asked->pdata[1], "too late"); /* answered already */
    g_autoptr(Peer) own = play(&f, "live", "x?key=mine");            /* about this program's own nobody is asked */
    UNTIL(said(own, "[9@0:200000:1701]"));
    g_assert_cmpuint(f.asked->len, ==, 2);
    finish(&f);
}

static void test_asked_and_refused(const void *data)
{
    const bool at_once = GPOINTER_TO_INT(data);
    Fixture f = { .callbacks.on_ask = at_once ? ask_at_once : ask_later };
    start(&f, NULL);
    g_autoptr(Peer) publisher = peer_open(&f);
    peer_connect(publisher, "live");
    peer_command(publisher, "publish", 5, "x?user=bert");
    UNTIL(f.asked->len == 1);
    if (!at_once)
        dub_rtmp_server_answer(f.server, f.asked->pdata[0], "Nobody knows you.");
    UNTIL(is_closed(publisher));
    g_assert_nonnull(strstr(publisher->log->str, "NetStream.Publish.Denied"));
    g_assert_nonnull(strstr(publisher->told->str, "Nobody knows you."));
    g_assert_null(dub_rtmp_server_path(f.server, "live/x"));
    finish(&f);
}

static void test_asked_and_let_in_at_once(void)
{
    Fixture f = { .callbacks.on_ask = ask_at_once };
    start(&f, NULL);
    g_autoptr(Peer) publisher = publish(&f, "live", "x?user=anna");
    video(publisher, 0, KEY, 100);
    UNTIL(strstr(f.events->str, "+live/x? "));
    finish(&f);
}

/* It has gone, or waited for too long, when the answer comes. */
static void test_answer_too_late(void)
{
    Fixture f = { .callbacks.on_ask = ask_later };
    const DubRtmpServerConfig config = { .setup_ms = 50 };
    start(&f, &config);
    g_autoptr(Peer) publisher = peer_open(&f);
    peer_connect(publisher, "live");
    peer_command(publisher, "publish", 5, "x");
    UNTIL(f.asked->len == 1);
    UNTIL(is_closed(publisher));
    dub_rtmp_server_answer(f.server, f.asked->pdata[0], NULL);
    g_assert_cmpuint(dub_rtmp_server_connections(f.server), ==, 0);
    finish(&f);
}

/* The key is wanted as well where one is set: who lacks it is not asked about. */
static void test_key_before_authority(void)
{
    Fixture f = { .callbacks.on_ask = ask_at_once };
    const DubRtmpServerConfig config = { .publish_key = "bring" };
    start(&f, &config);
    g_autoptr(Peer) without = publish(&f, "live", "x?user=anna&key=guess");
    UNTIL(said(without, "NetStream.Publish.Denied"));
    g_assert_cmpuint(f.asked->len, ==, 0);
    g_autoptr(Peer) with = publish(&f, "live", "x?user=anna&key=bring");
    g_assert_true(said(with, "NetStream.Publish.Start"));
    finish(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    for (gsize i = 0; i < G_N_ELEMENTS(key_cases); i++) {
        g_autofree char *path = g_strconcat("/rtmp/access/key/", key_cases[i].name, NULL);
        g_test_add_data_func(path, &key_cases[i], test_key);
    }
    g_test_add_func("/rtmp/access/take-over", test_take_over);
    g_test_add_func("/rtmp/access/take-over-from-nothing", test_take_over_from_nothing);
    g_test_add_func("/rtmp/access/take-over-from-elsewhere", test_take_over_from_elsewhere);
    g_test_add_func("/rtmp/access/silent-gives-way", test_silent_gives_way);
    g_test_add_func("/rtmp/access/own-players-come-again", test_own_players_come_again);
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strconcat("/rtmp/access/stays/", refusals[i].name, NULL);
        g_test_add_data_func(path, GINT_TO_POINTER(i), test_stays);
    }
    g_test_add_func("/rtmp/access/names", test_names);
    g_test_add_func("/rtmp/access/asked", test_asked);
    g_test_add_data_func("/rtmp/access/asked-and-refused/later", GINT_TO_POINTER(0), test_asked_and_refused);
    g_test_add_data_func("/rtmp/access/asked-and-refused/at-once", GINT_TO_POINTER(1), test_asked_and_refused);
    g_test_add_func("/rtmp/access/asked-and-let-in-at-once", test_asked_and_let_in_at_once);
    g_test_add_func("/rtmp/access/answer-too-late", test_answer_too_late);
    g_test_add_func("/rtmp/access/key-before-authority", test_key_before_authority);
    return g_test_run();
}
