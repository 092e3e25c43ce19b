/* The table of leases: by hand, and many of them in a world where everything fails. */
#include "worker/leases.h"

#include "base/clock.h"
#include "lease-world.h"

#include <string.h>

#define S   DUB_NS_PER_S
#define TTL (3 * S)

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SCALE 10 /* it is for the code's own mistakes there, which a small world shows */
#else
#define SCALE 1
#endif

#define TTL_MS  3000
#define POLL_S  1.0
#define STORE_S (TTL_MS / 1000.0) /* one that was started again grants nothing for so long */

typedef struct {
    GString *log;
    uint64_t number, serial;
    DubLeases *leases;
} Table;

static void on_send(const DubLeaseRequest *request, void *data)
{
    static const char verbs[] = { [DUB_LEASE_TAKE] = 't', [DUB_LEASE_RENEW] = 'r', [DUB_LEASE_RELEASE] = 'f' };
    Table *table = data;
    g_string_append_printf(table->log, "%c%s ", verbs[request->verb], request->stream_id);
    table->number = request->number;
    table->serial = request->serial;
}

static void on_news(const char *stream_id, DubLeaseNews news, void *data)
{
    static const char
        words[] = { [DUB_LEASE_NEWS_WON] = 'W', [DUB_LEASE_NEWS_LOST] = 'L', [DUB_LEASE_NEWS_OTHERS] = 'O' };
    g_string_append_printf(((Table *) data)->log, "%c%s ", words[news], stream_id);
}

static void setup(Table *table, guint max_held)
{
    static const DubLeasesEffects effects = { on_send, on_news };
    table->log = g_string_new(NULL);
    table->leases = dub_leases_new(max_held, TTL, &effects, table);
}

static void teardown(Table *table)
{
    dub_leases_free(table->leases);
    g_string_free(table->log, TRUE);
}

static void want(Table *table, const char *id, int64_t now)
{
    dub_leases_want(table->leases, id, false, now);
    dub_leases_tick(table->leases, now);
}

static void answer(Table *table, const char *id, DubLeaseVerb verb, uint64_t number, DubLeaseOutcome outcome,
                   int64_t now)
{
    const DubLeaseAnswer told = { .verb = verb,
                                  .stream_id = id,
                                  .number = number,
                                  .outcome = outcome,
                                  .terms = { .token = 9, .generation = 1, .wait_ns = S },
                                  .previous = "other" };
    dub_leases_answer(table->leases, &told, now);
}

static void assert_log(Table *table, const char *wanted)
{
    g_assert_cmpstr(table->log->str, ==, wanted);
    g_string_set_size(table->log, 0);
}

static void test_takes_holds_and_releases(void)
{
    Table table = { 0 };
    setup(&table, 2);
    g_assert_cmpint(dub_leases_want(table.leases, "a", false, 0), ==, DUB_LEASES_UNKNOWN);
    dub_leases_tick(table.leases, 0);
    answer(&table, "a", DUB_LEASE_TAKE, table.number, DUB_LEASE_GRANTED, 0);
    assert_log(&table, "ta Wa ");
    g_assert_cmpint(dub_leases_want(table.leases, "a", false, 0), ==, DUB_LEASES_OURS);
    g_assert_cmpstr(dub_leases_previous(table.leases, "a"), ==, "other");
    g_assert_cmpint(dub_leases_token(table.leases, "a"), ==, 9);
    g_assert_cmpint(dub_leases_due(table.leases), <=, TTL / 3);
    dub_leases_tick(table.leases, TTL / 3);
    assert_log(&table, "ra ");
    dub_leases_drop(table.leases, "a", TTL / 3);
    assert_log(&table, "fa ");
    g_assert_cmpuint(dub_leases_held(table.leases), ==, 0);
    g_assert_false(dub_leases_is_ours(table.leases, "a", TTL / 3));
    teardown(&table);
}

static void test_no_more_than_there_is_room_for(void)
{
    Table table = { 0 };
    setup(&table, 1);
    want(&table, "a", 0);
    want(&table, "b", 0);
    assert_log(&table, "ta ");
    dub_leases_drop(table.leases, "a", 0);
    want(&table, "b", 0);
    assert_log(&table, "fa tb ");
    dub_leases_stop_taking(table.leases);
    want(&table, "c", S);
    assert_log(&table, "");
    teardown(&table);
}

/* Dropped while it was asked for, asked for again: the first answer is nobody's. */
static void test_grant_that_nobody_waits_for(void)
{
    Table table = { 0 };
    setup(&table, 1);
    want(&table, "a", 0);
    const uint64_t first = table.number;
    dub_leases_drop(table.leases, "a", 0);
    assert_log(&table, "ta fa ");
    answer(&table, "a", DUB_LEASE_TAKE, first, DUB_LEASE_GRANTED, 0);
    assert_log(&table, "fa ");
    g_assert_cmpuint(table.serial, ==, first);
    teardown(&table);
}

static void test_watches_what_others_have(void)
{
    Table table = { 0 };
    setup(&table, 1);
    want(&table, "a", 0);
    answer(&table, "a", DUB_LEASE_TAKE, table.number, DUB_LEASE_REFUSED, 0);
    assert_log(&table, "ta Oa ");
    g_assert_cmpint(dub_leases_want(table.leases, "a", false, S / 2), ==, DUB_LEASES_OTHERS);
    dub_leases_tick(table.leases, S / 2);
    assert_log(&table, "");
    dub_leases_tick(table.leases, S + S / 10); /* it had a second left */
    assert_log(&table, "ta ");
    teardown(&table);
}

static void test_store_is_back(void)
{
    Table table = { 0 };
    setup(&table, 1);
    want(&table, "a", 0);
    answer(&table, "a", DUB_LEASE_TAKE, table.number, DUB_LEASE_GRANTED, 0);
    dub_leases_tick(table.leases, TTL / 3);
    dub_leases_hurry(table.leases, TTL / 2);
    dub_leases_tick(table.leases, TTL / 2);
    assert_log(&table, "ta Wa ra ra ");
    dub_leases_tick(table.leases, TTL);
    assert_log(&table, "La fa ");
    teardown(&table);
}

static void tell(const char *name, const LeaseWorldResult *r)
{
    g_test_message(
        "%s: %u deaths, %u stood still, %u parted, the store restarted %u times; %u won, %u lost; longest without "
        "an owner %.2f s; %u to %u streams a node",
        name, r->n_deaths, r->n_pauses, r->n_partings, r->n_restarts, r->n_won, r->n_lost, r->longest_gap_s,
        r->least_on_a_node, r->most_on_a_node);
}

static void test_world_in_peace(void)
{
    const LeaseWorldConfig config = { .n_streams = 10000 / SCALE,
                                      .n_nodes = 500 / SCALE,
                                      .n_servers = 50 / SCALE,
                                      .most_streams = 30,
                                      .ttl_ms = TTL_MS,
                                      .publish_ms = 50,
                                      .seconds = 13,
                                      .seed = 1 };
    LeaseWorldResult result;
    lease_world_run(&config, &result);
    tell("peace", &result);
    g_assert_cmpuint(result.n_twice, ==, 0);
    g_assert_cmpuint(result.n_orphans, ==, 0);
    g_assert_cmpuint(result.n_lost, ==, 0);
    g_assert_cmpuint(result.most_on_a_node, <=, 30); /* 20 is even: 200 of a server, by ten nodes */
    g_assert_cmpuint(result.least_on_a_node, >=, 8);
}

static void test_world_where_everything_fails(void)
{
    const LeaseWorldConfig config = { .n_streams = 10000 / SCALE,
                                      .n_nodes = 500 / SCALE,
                                      .n_servers = 50 / SCALE,
                                      .most_streams = 30,
                                      .ttl_ms = TTL_MS,
                                      .publish_ms = 50,
                                      .seconds = 45,
                                      .seed = 2,
                                      .has_faults = true };
    LeaseWorldResult result;
    lease_world_run(&config, &result);
    tell("faults", &result);
    g_assert_cmpuint(result.n_twice, ==, 0);
    g_assert_cmpuint(result.n_orphans, ==, 0);
    g_assert_cmpuint(result.n_deaths, >, 20 / SCALE);
    g_assert_cmpuint(result.n_pauses, >, 20 / SCALE);
    g_assert_cmpuint(result.n_restarts, >=, 2);
    /* Two takers in a row may die, and the store may be young. */
    g_assert_cmpfloat(result.longest_gap_s, <, 2 * TTL_MS / 1000.0 + POLL_S + STORE_S);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/leases/takes-holds-and-releases", test_takes_holds_and_releases);
    g_test_add_func("/worker/leases/no-more-than-there-is-room-for", test_no_more_than_there_is_room_for);
    g_test_add_func("/worker/leases/grant-that-nobody-waits-for", test_grant_that_nobody_waits_for);
    g_test_add_func("/worker/leases/watches-what-others-have", test_watches_what_others_have);
    g_test_add_func("/worker/leases/store-is-back", test_store_is_back);
    g_test_add_func("/worker/leases/world/in-peace", test_world_in_peace);
    g_test_add_func("/worker/leases/world/where-everything-fails", test_world_where_everything_fails);
    return g_test_run();
}
