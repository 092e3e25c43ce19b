/* The world in steps of 20 ms. A node looks at its leases and its messages each step unless it stands still; what it
 * plays goes on until it has looked. */
#include "lease-world.h"

#include "base/clock.h"
#include "worker/leases.h"

#include <stdlib.h>
#include <string.h>

#define STEP_MS      20
#define SLOTS        64   /* of STEP_MS: messages are under way for less */
#define POLL_MS      1000 /* a node reads its media server's path list */
#define NOBODY       0
#define LOSS_PERCENT 1
#define PPM          200

typedef struct World World;

typedef struct {
    World *world;
    guint index, server, incarnation;
    DubLeases *leases;
    guint8 *runs; /* by stream of its server */
    guint n_running;
    bool is_alive, stands_still, is_parted;
    gint64 until_ms; /* when what is wrong with it is over */
    double rate;     /* of its clock */
    gint64 offset_ns;
    guint link; /* messages of an older one are lost */
    GArray *won;
} Node;

typedef struct {
    bool is_answer;
    guint node, incarnation, link, stream;
    DubLeaseVerb verb;
    guint64 number, serial;
    gint64 generation;
    DubLeaseOutcome outcome;
    DubLeaseTerms terms;
} Message;

typedef struct {
    guint64 holder, serial; /* NOBODY: free */
    gint64 ends_ms;
} StoredLease;

typedef struct {
    guint n_owners;
    gint64 orphan_since_ms;
} Stream;

struct World {
    const LeaseWorldConfig *config;
    LeaseWorldResult *result;
    GRand *random;
    gint64 now_ms;
    char **names;
    Stream *streams;
    Node *nodes;
    GArray *slots[SLOTS];
    StoredLease *stored, *snapshot;
    bool store_is_up;
    guint run, known_run; /* of the store, and as its data say */
    gint64 since_ms, token, store_until_ms, store_back_ms;
};

static guint streams_of_server(const World *world)
{
    return world->config->n_streams / world->config->n_servers;
}

static guint64 holder_of(const Message *message)
{
    return (guint64) message->node << 20 | (message->incarnation + 1);
}

static gint64 clock_of(const Node *node)
{
    return (gint64) ((double) node->world->now_ms * DUB_NS_PER_MS * node->rate) + node->offset_ns;
}

/* --- owners ----------------------------------------------------------------------------------------------------- */

static void count_owner(World *world, guint stream, int change)
{
    Stream *self = &world->streams[stream];
    self->n_owners = (guint) ((int) self->n_owners + change);
    world->result->n_twice += self->n_owners > 1;
    if (self->n_owners == 0)
        self->orphan_since_ms = world->now_ms;
}

static void set_running(Node *node, guint stream, bool runs)
{
    guint8 *flag = &node->runs[stream - node->server * streams_of_server(node->world)];
    if (*flag == runs)
        return;
    *flag = runs;
    node->n_running = (guint) ((int) node->n_running + (runs ? 1 : -1));
    if (!node->stands_still) /* else it does not count already */
        count_owner(node->world, stream, runs ? 1 : -1);
}

/* A node that stands still or is dead publishes nothing. */
static void count_all(Node *node, int change)
{
    const guint n = streams_of_server(node->world);
    for (guint i = 0; i < n; i++)
        if (node->runs[i])
            count_owner(node->world, node->server * n + i, change);
}

/* --- the network ------------------------------------------------------------------------------------------------ */

static void put(World *world, const Message *message)
{
    const bool is_lost = world->config->has_faults && g_rand_int_range(world->random, 0, 100) < LOSS_PERCENT;
    if (is_lost)
        return;
    const guint delay = (guint) (g_rand_int_range(world->random, 0, 100) == 0 ? g_rand_int_range(world->random, 1, 25)
                                                                              : g_rand_int_range(world->random, 1, 3));
    g_array_append_val(world->slots[(guint) (world->now_ms / STEP_MS + delay) % SLOTS], *message);
}

static guint stream_of(const char *name)
{
    return (guint) atoi(name + 1);
}

static void on_send(const DubLeaseRequest *request, void *data)
{
    Node *node = data;
    const Message message = { .node = node->index,
                              .incarnation = node->incarnation,
                              .link = node->link,
                              .stream = stream_of(request->stream_id),
                              .verb = request->verb,
                              .number = request->number,
                              .serial = request->serial,
                              .generation = request->generation,
                              .terms = { .token = request->token, .generation = request->generation } };
    if (!node->is_parted)
        put(node->world, &message);
}

static void on_news(const char *stream_id, DubLeaseNews news, void *data)
{
    Node *node = data;
    const guint stream = stream_of(stream_id);
    if (news == DUB_LEASE_NEWS_LOST) {
        set_running(node, stream, false);
        node->world->result->n_lost++;
    } else if (news == DUB_LEASE_NEWS_WON) {
        g_array_append_val(node->won, stream);
        node->world->result->n_won++;
    }
}

/* --- the store: as its scripts do it ---------------------------------------------------------------------------- */

static gint64 generation(World *world)
{
    if (world->run != world->known_run) {
        world->known_run = world->run;
        world->since_ms = world->now_ms;
    }
    return world->since_ms;
}

static void grant(World *world, StoredLease *lease, Message *message, guint64 holder)
{
    *lease = (StoredLease){ holder, message->serial, world->now_ms + world->config->ttl_ms };
    const gint64 token = MAX(world->token + 1, world->now_ms);
    world->token = token;
    message->outcome = DUB_LEASE_GRANTED;
    message->terms = (DubLeaseTerms){ .token = token, .generation = generation(world) };
}

static void refuse(Message *message, DubLeaseOutcome outcome, gint64 wait_ms)
{
    message->outcome = outcome;
    message->terms.wait_ns = wait_ms * DUB_NS_PER_MS;
}

static void take(World *world, StoredLease *lease, Message *message, guint64 holder)
{
    const gint64 young_ms = generation(world) + world->config->ttl_ms - world->now_ms;
    const bool is_own = lease->holder == holder && lease->serial < message->serial;
    if (lease->holder && !is_own)
        refuse(message, DUB_LEASE_REFUSED, lease->ends_ms - world->now_ms);
    else if (young_ms > 0)
        refuse(message, DUB_LEASE_STORE_YOUNG, young_ms);
    else
        grant(world, lease, message, holder);
}

static void renew(World *world, StoredLease *lease, Message *message, guint64 holder)
{
    if (lease->holder == holder && lease->serial == message->serial) {
        lease->ends_ms = world->now_ms + world->config->ttl_ms;
        message->outcome = DUB_LEASE_GRANTED;
    } else if (lease->holder) {
        refuse(message, DUB_LEASE_REFUSED, lease->ends_ms - world->now_ms);
    } else if (generation(world) == message->generation) {
        refuse(message, DUB_LEASE_REFUSED, 0);
    } else {
        grant(world, lease, message, holder);
    }
}

static void ask_store(World *world, Message message)
{
    if (!world->store_is_up)
        return;
    const guint64 holder = holder_of(&message);
    StoredLease *lease = &world->stored[message.stream];
    if (lease->ends_ms <= world->now_ms)
        lease->holder = NOBODY;
    switch (message.verb) {
    case DUB_LEASE_TAKE: take(world, lease, &message, holder); break;
    case DUB_LEASE_RENEW: renew(world, lease, &message, holder); break;
    case DUB_LEASE_RELEASE:
        if (lease->holder == holder && lease->serial == message.serial)
            lease->holder = NOBODY;
        return;
    }
    message.is_answer = true;
    put(world, &message);
}

/* With its data, as they were some seconds ago, or with none. */
static void restart_store(World *world)
{
    const int kind = g_rand_int_range(world->random, 0, 3);
    const guint n = world->config->n_streams;
    world->store_is_up = true;
    world->store_back_ms = world->now_ms;
    world->run++;
    if (kind == 1)
        memcpy(world->stored, world->snapshot, n * sizeof *world->stored);
    if (kind == 2) {
        memset(world->stored, 0, n * sizeof *world->stored);
        world->known_run = 0;
        world->token = 0;
    }
}

/* --- nodes ------------------------------------------------------------------------------------------------------ */

/* As the service does: the stream starts if its lease is ours still, and there is room. */
static void take_won(Node *node)
{
    for (guint i = 0; i < node->won->len; i++) {
        const guint stream = g_array_index(node->won, guint, i);
        const char *name = node->world->names[stream];
        if (dub_leases_is_ours(node->leases, name, clock_of(node)))
            set_running(node, stream, true);
    }
    g_array_set_size(node->won, 0);
    g_assert_cmpuint(node->n_running, <=, node->world->config->most_streams);
}

static void deliver(World *world, const Message *message)
{
    Node *node = &world->nodes[message->node];
    if (!message->is_answer) {
        ask_store(world, *message);
        return;
    }
    if (!node->is_alive || node->incarnation != message->incarnation || node->link != message->link || node->is_parted)
        return;
    if (node->stands_still) { /* it lies in the socket until it goes on */
        g_array_append_val(world->slots[(guint) (world->now_ms / STEP_MS + SLOTS - 1) % SLOTS], *message);
        return;
    }
    const DubLeaseAnswer answer = { .verb = message->verb,
                                    .stream_id = world->names[message->stream],
                                    .number = message->number,
                                    .outcome = message->outcome,
                                    .terms = message->terms };
    dub_leases_answer(node->leases, &answer, clock_of(node));
    take_won(node);
}

static bool is_published(const World *world, guint of_server)
{
    return world->now_ms >= (gint64) of_server * world->config->publish_ms;
}

/* A full service wants nothing more. */
static void read_list(Node *node)
{
    const guint n = streams_of_server(node->world);
    for (guint i = 0; i < n; i++) {
        const char *name = node->world->names[node->server * n + i];
        if (node->runs[i] || !is_published(node->world, i))
            continue;
        if (node->n_running >= node->world->config->most_streams)
            dub_leases_drop(node->leases, name, clock_of(node));
        else
            dub_leases_want(node->leases, name, false, clock_of(node));
    }
}

static void start_node(Node *node)
{
    static const DubLeasesEffects effects = { on_send, on_news };
    const LeaseWorldConfig *config = node->world->config;
    node->leases = dub_leases_new(config->most_streams, config->ttl_ms * DUB_NS_PER_MS, &effects, node);
    node->is_alive = true;
}

static void kill_node(Node *node)
{
    if (!node->stands_still)
        count_all(node, -1);
    node->stands_still = node->is_parted = false;
    memset(node->runs, 0, streams_of_server(node->world));
    node->n_running = 0;
    node->incarnation++;
    node->is_alive = false;
    g_array_set_size(node->won, 0);
    g_clear_pointer(&node->leases, dub_leases_free);
}

/* It looks at its leases before anything of it goes out. */
static void wake_node(Node *node)
{
    dub_leases_tick(node->leases, clock_of(node));
    node->stands_still = false;
    const guint n = streams_of_server(node->world);
    for (guint i = 0; i < n; i++)
        if (node->runs[i])
            count_owner(node->world, node->server * n + i, 1);
}

static void end_fault(Node *node)
{
    node->until_ms = 0;
    if (!node->is_alive)
        start_node(node);
    else if (node->stands_still)
        wake_node(node);
    if (node->is_parted) {
        node->is_parted = false;
        node->link++;
        dub_leases_hurry(node->leases, clock_of(node));
    }
}

static void begin_fault(Node *node)
{
    World *world = node->world;
    switch (g_rand_int_range(world->random, 0, 3)) {
    case 0:
        kill_node(node);
        world->result->n_deaths++;
        break;
    case 1:
        count_all(node, -1);
        node->stands_still = true;
        world->result->n_pauses++;
        break;
    default:
        node->is_parted = true;
        world->result->n_partings++;
        break;
    }
    node->until_ms = world->now_ms + g_rand_int_range(world->random, 200, 3 * (int) world->config->ttl_ms);
}

static void step_node(Node *node)
{
    if (node->until_ms && node->world->now_ms >= node->until_ms)
        end_fault(node);
    if (!node->is_alive || node->stands_still)
        return;
    dub_leases_tick(node->leases, clock_of(node));
    take_won(node);
    if ((node->world->now_ms + node->index * 7) % POLL_MS < STEP_MS)
        read_list(node);
    take_won(node);
}

/* --- the world -------------------------------------------------------------------------------------------------- */

static void draw_faults(World *world)
{
    Node *node = &world->nodes[g_rand_int_range(world->random, 0, (int) world->config->n_nodes)];
    const guint chance = (guint) g_rand_int_range(world->random, 0, 2000);
    if (!node->until_ms && chance < world->config->n_nodes) /* as often for each, however many there are */
        begin_fault(node);
    if (world->now_ms % 5000 == 0)
        memcpy(world->snapshot, world->stored, world->config->n_streams * sizeof *world->stored);
    if (!world->store_is_up && world->now_ms >= world->store_until_ms)
        restart_store(world);
    if (world->store_is_up && g_rand_int_range(world->random, 0, 150) == 0) {
        world->store_is_up = false;
        world->store_until_ms = world->now_ms + g_rand_int_range(world->random, 100, 3 * (int) world->config->ttl_ms);
        world->result->n_restarts++;
    }
}

/* Without the store nobody can take a stream, nor for one TTL after it has come back. */
static void look_at_orphans(World *world)
{
    if (!world->store_is_up)
        return;
    for (guint i = 0; i < world->config->n_streams; i++) {
        const Stream *stream = &world->streams[i];
        if (stream->n_owners)
            continue;
        const gint64 published_ms = (gint64) (i % streams_of_server(world)) * world->config->publish_ms;
        const gint64 since_ms = MAX(MAX(stream->orphan_since_ms, world->store_back_ms), published_ms);
        world->result->longest_gap_s = MAX(world->result->longest_gap_s, (double) (world->now_ms - since_ms) / 1000);
    }
}

static void step_world(World *world)
{
    GArray *slot = world->slots[(guint) (world->now_ms / STEP_MS) % SLOTS];
    for (guint i = 0; i < world->config->n_nodes; i++)
        step_node(&world->nodes[i]);
    for (guint i = 0; i < slot->len; i++) {
        const Message message = g_array_index(slot, Message, i);
        deliver(world, &message);
    }
    g_array_set_size(slot, 0);
}

static void make(World *world)
{
    const LeaseWorldConfig *config = world->config;
    world->names = g_new0(char *, config->n_streams + 1);
    for (guint i = 0; i < config->n_streams; i++)
        world->names[i] = g_strdup_printf("s%u", i);
    world->streams = g_new0(Stream, config->n_streams);
    world->stored = g_new0(StoredLease, config->n_streams);
    world->snapshot = g_new0(StoredLease, config->n_streams);
    world->nodes = g_new0(Node, config->n_nodes);
    for (guint i = 0; i < SLOTS; i++)
        world->slots[i] = g_array_new(FALSE, FALSE, sizeof(Message));
    for (guint i = 0; i < config->n_nodes; i++) {
        world->nodes[i] = (Node){ .world = world,
                                  .index = i,
                                  .server = i % config->n_servers,
                                  .runs = g_new0(guint8, streams_of_server(world)),
                                  .rate = 1 + g_rand_double_range(world->random, -PPM, PPM) * 1e-6,
                                  .offset_ns = g_rand_int(world->random),
                                  .won = g_array_new(FALSE, FALSE, sizeof(guint)) };
        start_node(&world->nodes[i]);
    }
    world->store_is_up = true;
    world->run = 1;
    world->since_ms = -(gint64) config->ttl_ms;
    world->known_run = 1;
}

static void sum_up(World *world)
{
    LeaseWorldResult *result = world->result;
    result->least_on_a_node = G_MAXUINT;
    for (guint i = 0; i < world->config->n_nodes; i++) {
        result->most_on_a_node = MAX(result->most_on_a_node, world->nodes[i].n_running);
        result->least_on_a_node = MIN(result->least_on_a_node, world->nodes[i].n_running);
    }
    for (guint i = 0; i < world->config->n_streams; i++)
        result->n_orphans += world->streams[i].n_owners == 0;
}

static void clear(World *world)
{
    for (guint i = 0; i < world->config->n_nodes; i++) {
        dub_leases_free(world->nodes[i].leases);
        g_free(world->nodes[i].runs);
        g_array_unref(world->nodes[i].won);
    }
    for (guint i = 0; i < SLOTS; i++)
        g_array_unref(world->slots[i]);
    g_free(world->nodes);
    g_free(world->streams);
    g_free(world->stored);
    g_free(world->snapshot);
    g_strfreev(world->names);
    g_rand_free(world->random);
}

void lease_world_run(const LeaseWorldConfig *config, LeaseWorldResult *result)
{
    *result = (LeaseWorldResult){ 0 };
    World world = { .config = config, .result = result, .random = g_rand_new_with_seed(config->seed) };
    make(&world);
    const gint64 end_ms = (gint64) config->seconds * 1000;
    const gint64 calm_ms = end_ms - 5 * (gint64) config->ttl_ms; /* whatever is wrong is over, and nothing follows */
    for (; world.now_ms < end_ms; world.now_ms += STEP_MS) {
        if (config->has_faults && world.now_ms < calm_ms)
            draw_faults(&world);
        else if (!world.store_is_up)
            restart_store(&world);
        step_world(&world);
        look_at_orphans(&world);
    }
    sum_up(&world);
    clear(&world);
}
