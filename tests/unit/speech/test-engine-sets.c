/* Engines of pairs of languages, leased by streams: loaded once, in the background, and given up where others are
 * wanted. */
#include "speech/engine-sets.h"

#include "base/error.h"
#include "fakes.h"
#include "rig.h"

#include <string.h>

typedef struct {
    DubEngineLease *lease;
    DubLanes *lanes;
    GError *error;
    int n_told;
    bool lets_go; /* frees the lease when it is told */
} Stream;

static void on_loaded(DubLanes *lanes, const GError *error, void *user_data)
{
    Stream *stream = user_data;
    stream->n_told++;
    stream->lanes = lanes;
    stream->error = error ? g_error_copy(error) : NULL;
    if (stream->lets_go)
        g_clear_pointer(&stream->lease, dub_engine_lease_free);
}

static void lease(Stream *stream, DubEngineSets *sets, const char *from, const char *to)
{
    *stream = (Stream){ .lets_go = stream->lets_go };
    stream->lease = dub_engine_sets_lease(sets, from, to, on_loaded, stream);
    g_assert_cmpint(stream->n_told, ==, 0); /* never from inside the call */
}

static void give_back(Stream *stream)
{
    g_clear_pointer(&stream->lease, dub_engine_lease_free);
    g_clear_error(&stream->error);
}

static gboolean on_too_long(G_GNUC_UNUSED gpointer data)
{
    g_error("not within a minute");
    return G_SOURCE_REMOVE;
}

#define WAIT_FOR(condition)                                               \
    do {                                                                  \
        const guint guard = g_timeout_add_seconds(60, on_too_long, NULL); \
        while (!(condition))                                              \
            g_main_context_iteration(NULL, TRUE);                         \
        g_source_remove(guard);                                           \
    } while (0)

static void wait_told(Stream *stream)
{
    WAIT_FOR(stream->n_told);
}

static void settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* For what happens on threads that wake no loop. */
static gboolean on_tick(G_GNUC_UNUSED gpointer data)
{
    return G_SOURCE_CONTINUE;
}

static void wait_closed(Fake *fake, int n)
{
    const guint ticks = g_timeout_add(5, on_tick, NULL);
    WAIT_FOR(fake_closed(fake) >= n);
    g_source_remove(ticks);
}

static DubEngineSets *open_sets(void)
{
    fakes_reset();
    g_autoptr(DubEngineSettings) settings = rig_settings("TTS_PROVIDER=espeak-ng", NULL);
    return dub_engine_sets_new(settings); /* which keeps them */
}

/* ── Loading ── */

static void test_one_load_for_many(void)
{
    DubEngineSets *sets = open_sets();
    Stream streams[3] = { 0 }, later = { 0 };
    for (int i = 0; i < 3; i++)
        lease(&streams[i], sets, "en", "es");
    for (int i = 0; i < 3; i++)
        wait_told(&streams[i]);
    lease(&later, sets, "en", "es");
    wait_told(&later);
    for (int i = 0; i < 3; i++) {
        g_assert_no_error(streams[i].error);
        g_assert_true(streams[i].lanes == later.lanes);
        g_assert_cmpint(streams[i].n_told, ==, 1);
    }
    g_assert_cmpint(fake_opened(&fake_ear), ==, 1);
    for (int i = 0; i < 3; i++)
        give_back(&streams[i]);
    give_back(&later);
    settle();
    g_assert_cmpint(fake_closed(&fake_ear), ==, 0); /* kept for the next stream */
    dub_engine_sets_free(sets);
    fakes_assert_closed();
}

/* Regions and case are left out: engines know languages. */
static void test_regions(void)
{
    DubEngineSets *sets = open_sets();
    Stream one = { 0 }, two = { 0 }, three = { 0 };
    lease(&one, sets, "en", "es");
    lease(&two, sets, "en-GB", "es-419");
    lease(&three, sets, "EN_us", "ES");
    wait_told(&one);
    wait_told(&two);
    wait_told(&three);
    g_assert_true(one.lanes == two.lanes);
    g_assert_true(one.lanes == three.lanes);
    g_assert_cmpint(fake_opened(&fake_ear), ==, 1);
    give_back(&one);
    give_back(&two);
    give_back(&three);
    dub_engine_sets_free(sets);
}

/* All who wait are told why; the next one tries again, and it may work by then. */
static void test_failed_is_tried_again(void)
{
    DubEngineSets *sets = open_sets();
    fake_ear.open_error = "apt-get install ear";
    fake_other_ear.offers = NULL;
    Stream one = { 0 }, two = { 0 }, three = { 0 };
    lease(&one, sets, "en", "es");
    lease(&two, sets, "en", "es");
    wait_told(&one);
    wait_told(&two);
    g_assert_error(one.error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_error(two.error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_cmpstr(two.error->message, ==, "apt-get install ear");
    g_assert_null(one.lanes);
    FAKE_SET(&fake_ear, open_error, NULL); /* it was installed */
    lease(&three, sets, "en", "es");
    wait_told(&three);
    g_assert_no_error(three.error);
    g_assert_nonnull(three.lanes);
    give_back(&one);
    give_back(&two);
    give_back(&three);
    dub_engine_sets_free(sets);
}

static void test_unsupported(void)
{
    DubEngineSets *sets = open_sets();
    Stream stream = { 0 };
    lease(&stream, sets, "en", "tlh");
    wait_told(&stream);
    g_assert_error(stream.error, DUB_ERROR, DUB_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(stream.error->message, "\"en-tlh\""));
    give_back(&stream);
    dub_engine_sets_free(sets);
}

/* Who has let go is not told; what was loaded for it is there for the next. */
static void test_given_back_while_loading(void)
{
    DubEngineSets *sets = open_sets();
    Stream gone = { 0 }, stays = { 0 };
    lease(&gone, sets, "en", "es");
    give_back(&gone);
    lease(&stays, sets, "en", "es");
    wait_told(&stays);
    settle();
    g_assert_cmpint(gone.n_told, ==, 0);
    g_assert_cmpint(fake_opened(&fake_ear), ==, 1);
    lease(&gone, sets, "en", "es"); /* loaded: it would be told soon */
    give_back(&gone);
    settle();
    g_assert_cmpint(gone.n_told, ==, 0);
    give_back(&stays);
    dub_engine_sets_free(sets);
}

/* A stream may end while it is told, whether well or not. */
static void test_given_back_when_told(void)
{
    DubEngineSets *sets = open_sets();
    Stream one = { .lets_go = true }, two = { .lets_go = true };
    lease(&one, sets, "en", "es");
    lease(&two, sets, "en", "tlh");
    wait_told(&one);
    wait_told(&two);
    g_assert_nonnull(one.lanes);
    g_assert_null(two.lanes);
    give_back(&one);
    give_back(&two);
    dub_engine_sets_free(sets);
}

/* The service ends while it loads, and its settings go: what was loaded is closed when it is there. */
static void test_freed_while_loading(void)
{
    DubEngineSets *sets = open_sets();
    fake_ear.holds = true; /* at its first words */
    Stream stream = { 0 };
    lease(&stream, sets, "en", "es");
    fake_wait_running(&fake_ear, 1);
    give_back(&stream);
    dub_engine_sets_free(sets);
    g_assert_cmpint(fake_closed(&fake_ear), ==, 0);
    fake_let_go(&fake_ear);
    wait_closed(&fake_ear, 1);
    wait_closed(&fake_rules, 1);
    wait_closed(&fake_quick, 1);
    settle();
    g_assert_cmpint(stream.n_told, ==, 0);
    fakes_assert_closed();
}

/* ── Room ── */

/* "aa", "bb" …: the languages that the fakes translate to and speak here */
static DubEngineSets *open_many(void)
{
    DubEngineSets *sets = open_sets();
    fake_rules.offers = "en-aa en-bb en-cc en-dd en-ee en-ff en-gg en-hh en-ii";
    fake_quick.offers = "aa:a bb:b cc:c dd:d ee:e ff:f gg:g hh:h ii:i";
    return sets;
}

static void lease_all(Stream *streams, DubEngineSets *sets)
{
    for (char i = 0; i < DUB_ENGINE_SETS_MOST; i++) {
        const char to[] = { (char) ('a' + i), (char) ('a' + i), '\0' };
        streams[(int) i] = (Stream){ 0 };
        lease(&streams[(int) i], sets, "en", to);
        wait_told(&streams[(int) i]);
        g_assert_no_error(streams[(int) i].error);
    }
}

static void test_ninth_is_refused(void)
{
    DubEngineSets *sets = open_many();
    Stream streams[DUB_ENGINE_SETS_MOST], ninth = { 0 }, again = { 0 };
    lease_all(streams, sets);
    lease(&ninth, sets, "en", "ii");
    wait_told(&ninth);
    g_assert_error(ninth.error, DUB_ERROR, DUB_ERROR_BACKPRESSURE);
    g_assert_nonnull(strstr(ninth.error->message, "8 language pairs"));
    g_assert_cmpint(fake_opened(&fake_ear), ==, DUB_ENGINE_SETS_MOST);
    lease(&again, sets, "en", "cc"); /* a pair that is there is no ninth */
    wait_told(&again);
    g_assert_true(again.lanes == streams[2].lanes);
    give_back(&ninth);
    give_back(&again);
    for (int i = 0; i < DUB_ENGINE_SETS_MOST; i++)
        give_back(&streams[i]);
    dub_engine_sets_free(sets);
    fakes_assert_closed();
}

/* A pair that no stream uses makes room, and is closed by another thread than the loop's: closing may take its time. */
static void test_unused_makes_room(void)
{
    DubEngineSets *sets = open_many();
    Stream streams[DUB_ENGINE_SETS_MOST], ninth = { 0 };
    lease_all(streams, sets);
    DubLanes *given_up = streams[5].lanes;
    give_back(&streams[5]);
    lease(&ninth, sets, "en", "ii");
    wait_told(&ninth);
    g_assert_no_error(ninth.error);
    g_assert_true(ninth.lanes != given_up);
    wait_closed(&fake_ear, 1);
    g_assert_cmpint(fake_closed(&fake_ear), ==, 1);
    g_assert_true(fake_ear.closed_by != g_thread_self());
    lease(&streams[5], sets, "en", "ff"); /* who comes back now is refused until another goes */
    wait_told(&streams[5]);
    g_assert_error(streams[5].error, DUB_ERROR, DUB_ERROR_BACKPRESSURE);
    give_back(&streams[5]);
    give_back(&ninth);
    lease(&streams[5], sets, "en", "ff");
    wait_told(&streams[5]);
    g_assert_no_error(streams[5].error);
    g_assert_cmpint(fake_opened(&fake_ear), ==, DUB_ENGINE_SETS_MOST + 2);
    for (int i = 0; i < DUB_ENGINE_SETS_MOST; i++)
        give_back(&streams[i]);
    dub_engine_sets_free(sets);
    wait_closed(&fake_ear, DUB_ENGINE_SETS_MOST + 2);
    wait_closed(&fake_rules, DUB_ENGINE_SETS_MOST + 2);
    wait_closed(&fake_quick, DUB_ENGINE_SETS_MOST + 2);
}

/* As many lanes as the settings say. */
static void test_lanes(void)
{
    fakes_reset();
    g_autoptr(DubEngineSettings) settings = rig_settings("ENGINE_LANES=5", NULL);
    g_autoptr(DubEngineSets) sets = dub_engine_sets_new(settings);
    Stream stream = { 0 };
    lease(&stream, sets, "en", "es");
    wait_told(&stream);
    g_assert_cmpuint(dub_lanes_count(stream.lanes), ==, 5);
    give_back(&stream);
}

static void test_free_nothing(void)
{
    dub_engine_sets_free(NULL);
    dub_engine_lease_free(NULL);
}

#define ADD(name, test) g_test_add_func("/speech/engine-sets/" name, test)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("one-load-for-many", test_one_load_for_many);
    ADD("regions", test_regions);
    ADD("failed-is-tried-again", test_failed_is_tried_again);
    ADD("unsupported", test_unsupported);
    ADD("given-back/while-loading", test_given_back_while_loading);
    ADD("given-back/when-told", test_given_back_when_told);
    ADD("freed-while-loading", test_freed_while_loading);
    ADD("room/ninth-is-refused", test_ninth_is_refused);
    ADD("room/unused-makes-room", test_unused_makes_room);
    ADD("lanes", test_lanes);
    ADD("free-nothing", test_free_nothing);
    const int status = g_test_run();
    fakes_reset();
    return status;
}
