/* worker/lease-store.c: three scripts, each of which the store runs as one step, and the link they go over.
 *
 * What the store keeps: a lease, "holder/serial", which lives for the TTL; who had it last, a little longer; and of the
 * store itself which run of it this is and since when, and the newest fencing token. A store that was started again may
 * have lost leases, all of them or the newest, and so may one that took over from another: for one TTL it grants
 * nothing that is free or an older lease of the same holder, while those that hold a lease by their own clock set it
 * anew. */
#include "worker/lease-store.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log-limit.h"
#include "base/log.h"
#include "base/timer.h"

#include <gio/gio.h>
#include <hiredis/hiredis.h>
#include <string.h>

#define DEFAULT_PORT     6379
#define PENDING_MAX      8192  /* requests under way */
#define ANSWER_MAX_BYTES 65536 /* of one read that is not yet an answer */
#define FIRST_RETRY_MS   50
#define MOST_RETRY_MS    1000
#define CONNECT_S        2
#define LOOK_MS          100
#define LINES_A_MINUTE   2
#define STORE_KEY        "airdub:lease-store"

/* KEYS: lease, last holder, store. ARGV: holder, serial, TTL in ms, generation. "since" is the generation. */
#define OF_STORE                                                                                 \
    "local t = redis.call('TIME')\n"                                                             \
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"                                        \
    "local ttl = tonumber(ARGV[3])\n"                                                            \
    "local mine = ARGV[1] .. '/' .. ARGV[2]\n"                                                   \
    "local value = redis.call('GET', KEYS[1])\n"                                                 \
    "local function generation()\n"                                                              \
    "  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')\n"                 \
    "  local known = redis.call('HMGET', KEYS[3], 'run', 'since')\n"                             \
    "  if known[1] == run and tonumber(known[2]) <= now then return tonumber(known[2]) end\n"    \
    "  redis.call('HSET', KEYS[3], 'run', run, 'since', now)\n"                                  \
    "  return now\n"                                                                             \
    "end\n"                                                                                      \
    "local function grant(since)\n"                                                              \
    "  local token = math.max((tonumber(redis.call('HGET', KEYS[3], 'token')) or 0) + 1, now)\n" \
    "  redis.call('HSET', KEYS[3], 'token', string.format('%.0f', token))\n"                     \
    "  local last = redis.call('GET', KEYS[2])\n"                                                \
    "  redis.call('SET', KEYS[2], ARGV[1], 'PX', ttl * 10)\n"                                    \
    "  return {1, token, since, last or ''}\n"                                                   \
    "end\n"

static const char take_script[] =
    OF_STORE "local since = generation()\n"
             "if value then\n"
             "  local holder, serial = string.match(value, '^(.*)/(%d+)$')\n"
             "  if holder ~= ARGV[1] or tonumber(serial) >= tonumber(ARGV[2]) then\n"
             "    return {0, redis.call('PTTL', KEYS[1])}\n"
             "  end\n"
             "end\n"
             "if since + ttl > now then return {2, since + ttl - now} end\n"
             "if value then redis.call('DEL', KEYS[1]) end\n" /* our own, of a take whose answer was lost */
             "redis.call('SET', KEYS[1], mine, 'NX', 'PX', ttl)\n"
             "return grant(since)\n";

static const char renew_script[] = OF_STORE "if value == mine then\n"
                                            "  redis.call('PEXPIRE', KEYS[1], ttl)\n"
                                            "  redis.call('PEXPIRE', KEYS[2], ttl * 10)\n"
                                            "  return {1}\n"
                                            "end\n"
                                            "if value then return {0, redis.call('PTTL', KEYS[1])} end\n"
                                            "local since = generation()\n"
                                            "if since == tonumber(ARGV[4]) then return {0, 0} end\n"
                                            "redis.call('SET', KEYS[1], mine, 'NX', 'PX', ttl)\n"
                                            "return grant(since)\n";

static const char release_script[] =
    "if redis.call('GET', KEYS[1]) == ARGV[1] .. '/' .. ARGV[2] then return {redis.call('DEL', KEYS[1])} end\n"
    "return {0}\n";

typedef struct {
    bool is_greeting; /* AUTH and SELECT */
    DubLeaseVerb verb;
    char *stream_id;
    uint64_t number;
    DubLeaseTerms terms; /* a renewal's, which is told only what changes */
    int64_t asked_ns;
} Pending;

/* One connection, or the attempt at one: kept by the operations under way, which find @store NULL when it is over. */
typedef struct {
    DubLeaseStore *store;
    GCancellable *cancellable;
    GSocketConnection *connection;
    redisReader *reader;
    GByteArray *waiting, *writing; /* to be sent, being sent */
    GQueue pending;                /* Pending *, in the order of their answers */
    guint8 buffer[4096];
} Link;

struct _DubLeaseStore {
    GSocketConnectable *address;
    bool is_tls;
    char *user, *password, *database, *holder;
    unsigned ttl_ms;
    DubLeaseStoreCallbacks callbacks;
    void *user_data;
    Link *link;      /* NULL: waits for the next attempt */
    guint greetings; /* without an answer */
    bool is_up;
    GSource *look, *retry;
    unsigned retry_ms;
    char *problem;
    DubLogLimit *limit;
};

typedef struct {
    char *host, *user, *password, *database;
    guint16 port;
    bool is_tls;
} Address;

static void address_clear(Address *self)
{
    g_free(self->host);
    g_free(self->user);
    g_free(self->password);
    g_free(self->database);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Address, address_clear)

static bool is_database(const char *text)
{
    return *text == '\0' || (strlen(text) <= 4 && strspn(text, "0123456789") == strlen(text));
}

static bool parse(const char *url, Address *address, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";
    const char *path = uri ? g_uri_get_path(uri) : "";
    address->is_tls = g_str_equal(scheme, "rediss");
    if (!(address->is_tls || g_str_equal(scheme, "redis")) || !g_uri_get_host(uri) || !*g_uri_get_host(uri) ||
        !is_database(path + (*path == '/')) || g_uri_get_query(uri)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                            "LEASE_URL: not a URL such as redis://user:password@host:6379/0, or rediss:// for TLS; in "
                            "a password, what is not a letter or a digit is written as %40");
        return false;
    }
    address->host = g_strdup(g_uri_get_host(uri));
    address->user = g_strdup(g_uri_get_user(uri));
    address->password = g_strdup(g_uri_get_password(uri));
    address->database = g_strdup(path + (*path == '/'));
    address->port = g_uri_get_port(uri) > 0 ? (guint16) g_uri_get_port(uri) : DEFAULT_PORT;
    return true;
}

bool dub_lease_store_check_url(const char *url, GError **error)
{
    g_auto(Address) address = { 0 };
    return parse(url, &address, error);
}

/* --- the link --------------------------------------------------------------------------------------------------- */

static void pending_free(void *data)
{
    Pending *pending = data;
    g_free(pending->stream_id);
    g_free(pending);
}

static void link_clear(void *data)
{
    Link *link = data;
    g_clear_object(&link->connection);
    g_clear_object(&link->cancellable);
    redisReaderFree(link->reader);
    g_byte_array_unref(link->waiting);
    g_byte_array_unref(link->writing);
    g_queue_clear_full(&link->pending, pending_free);
}

static void link_unref(Link *link)
{
    g_rc_box_release_full(link, link_clear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Link, link_unref)

/* The socket closes when the operations under way have seen the cancel. */
static void close_link(DubLeaseStore *self)
{
    if (!self->link)
        return;
    self->link->store = NULL;
    g_cancellable_cancel(self->link->cancellable);
    g_clear_pointer(&self->link, link_unref);
    dub_timer_drop(&self->look);
    self->greetings = 0;
}

static void open_link(DubLeaseStore *self);

static gboolean on_retry(gpointer data)
{
    DubLeaseStore *self = data;
    dub_timer_drop(&self->retry);
    open_link(self);
    return G_SOURCE_REMOVE;
}

static GSource *start_timer(unsigned ms, GSourceFunc callback, DubLeaseStore *self)
{
    GSource *source = g_timeout_source_new(ms);
    g_source_set_callback(source, callback, self, NULL);
    g_source_attach(source, g_main_context_get_thread_default());
    return source;
}

static void fail(DubLeaseStore *self, const char *why)
{
    const bool was_up = self->is_up;
    close_link(self);
    self->is_up = false;
    g_free(self->problem);
    self->problem = dub_log_printable(why, 200);
    if (dub_log_limit_allows(self->limit, "without the lease store", LINES_A_MINUTE))
        dub_warning("lease store: %s; no streams start, and those that run end with their leases; start the store, or "
                    "correct LEASE_URL",
                    self->problem);
    dub_timer_drop(&self->retry);
    self->retry = start_timer(self->retry_ms, on_retry, self);
    self->retry_ms = MIN(self->retry_ms * 2, MOST_RETRY_MS);
    if (was_up)
        self->callbacks.on_link(false, self->user_data);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static void write_more(Link *link);

static void on_written(GObject *stream, GAsyncResult *result, void *data)
{
    g_autoptr(Link) link = data;
    g_autoptr(GError) error = NULL;
    const bool written = g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, NULL, &error);
    if (!link->store)
        return;
    g_byte_array_set_size(link->writing, 0);
    if (written)
        write_more(link);
    else
        fail(link->store, error->message);
}

static void write_more(Link *link)
{
    if (link->writing->len || !link->waiting->len || !link->connection)
        return;
    GByteArray *full = link->waiting;
    link->waiting = link->writing;
    link->writing = full;
    g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(link->connection)), full->data, full->len,
                                    G_PRIORITY_HIGH, link->cancellable, on_written, g_rc_box_acquire(link));
}

/* @pending: (transfer full) */
static void say(Link *link, Pending *pending, int n_words, const char **words)
{
    char *text = NULL;
    const int length = redisFormatCommandArgv(&text, n_words, words, NULL);
    g_byte_array_append(link->waiting, (const guint8 *) text, (guint) length);
    redisFreeCommand(text);
    pending->asked_ns = dub_clock_now();
    g_queue_push_tail(&link->pending, pending);
    write_more(link);
}

static const char *script_of(DubLeaseVerb verb)
{
    switch (verb) {
    case DUB_LEASE_TAKE: return take_script;
    case DUB_LEASE_RENEW: return renew_script;
    case DUB_LEASE_RELEASE: return release_script;
    }
    return NULL;
}

void dub_lease_store_send(DubLeaseStore *self, const DubLeaseRequest *request)
{
    if (!self->is_up || self->link->pending.length >= PENDING_MAX)
        return;
    g_autofree char *lease = g_strdup_printf("airdub:lease:%s", request->stream_id);
    g_autofree char *last = g_strdup_printf("airdub:lease-last:%s", request->stream_id);
    g_autofree char *serial = g_strdup_printf("%" G_GUINT64_FORMAT, request->serial);
    g_autofree char *ttl = g_strdup_printf("%u", self->ttl_ms);
    g_autofree char *generation = g_strdup_printf("%" G_GINT64_FORMAT, request->generation);
    const char *words[] = { "EVAL",    script_of(request->verb), "3", lease, last, STORE_KEY, self->holder, serial, ttl,
                            generation };
    Pending *pending = g_new0(Pending, 1);
    pending->verb = request->verb;
    pending->stream_id = g_strdup(request->stream_id);
    pending->number = request->number;
    pending->terms = (DubLeaseTerms){ .token = request->token, .generation = request->generation };
    say(self->link, pending, G_N_ELEMENTS(words), words);
}

static void greet(DubLeaseStore *self)
{
    const char *auth[] = { "AUTH", self->user, self->password };
    const char *select[] = { "SELECT", *self->database ? self->database : "0" };
    const bool has_user = self->user && *self->user;
    if (self->password && !has_user)
        auth[1] = self->password;
    self->greetings = self->password ? 2 : 1;
    Pending *pending;
    if (self->password) {
        pending = g_new0(Pending, 1);
        pending->is_greeting = true;
        say(self->link, pending, has_user ? 3 : 2, auth);
    }
    pending = g_new0(Pending, 1);
    pending->is_greeting = true;
    say(self->link, pending, 2, select);
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

static int64_t number_at(const redisReply *reply, size_t i)
{
    const bool is_there = i < reply->elements && reply->element[i]->type == REDIS_REPLY_INTEGER;
    return is_there ? (int64_t) reply->element[i]->integer : 0;
}

static void tell_answer(DubLeaseStore *self, const Pending *pending, const redisReply *reply)
{
    DubLeaseAnswer answer = { .verb = pending->verb,
                              .stream_id = pending->stream_id,
                              .number = pending->number,
                              .terms = pending->terms };
    switch (number_at(reply, 0)) {
    case 1: answer.outcome = DUB_LEASE_GRANTED; break;
    case 2: answer.outcome = DUB_LEASE_STORE_YOUNG; break;
    default: answer.outcome = DUB_LEASE_REFUSED; break;
    }
    if (answer.outcome != DUB_LEASE_GRANTED) {
        answer.terms.wait_ns = CLAMP(number_at(reply, 1), 0, self->ttl_ms) * DUB_NS_PER_MS;
    } else if (reply->elements == 4) {
        answer.terms.token = number_at(reply, 1);
        answer.terms.generation = number_at(reply, 2);
        const redisReply *last = reply->element[3];
        if (last->type == REDIS_REPLY_STRING && *last->str && !g_str_equal(last->str, self->holder))
            answer.previous = last->str;
    }
    self->callbacks.on_answer(&answer, self->user_data);
}

static void on_greeted(DubLeaseStore *self)
{
    if (--self->greetings)
        return;
    self->is_up = true;
    self->retry_ms = FIRST_RETRY_MS;
    g_clear_pointer(&self->problem, g_free);
    dub_info("lease store: connected%s", self->is_tls ? " by TLS" : "");
    self->callbacks.on_link(true, self->user_data);
}

/* Whether the link is still there. */
static bool take_reply(Link *link, const redisReply *reply)
{
    DubLeaseStore *self = link->store;
    g_autofree char *why = NULL;
    Pending *pending = g_queue_pop_head(&link->pending);
    if (reply->type ==
        REDIS_REPLY_ERROR) /* "WRONGPASS …", "NOPERM …", "READONLY …": the store never quotes a password */
        why = g_strdup_printf("it refuses: %s", reply->str);
    else if (!pending || (!pending->is_greeting && reply->type != REDIS_REPLY_ARRAY))
        why = g_strdup("its answer makes no sense");
    else if (pending->is_greeting)
        on_greeted(self);
    else
        tell_answer(self, pending, reply);
    g_clear_pointer(&pending, pending_free);
    if (why && link->store)
        fail(self, why);
    return link->store != NULL;
}

static bool take_replies(Link *link)
{
    void *reply = NULL;
    while (redisReaderGetReply(link->reader, &reply) == REDIS_OK && reply) {
        const bool goes_on = take_reply(link, reply);
        freeReplyObject(reply);
        if (!goes_on)
            return false;
    }
    if (!link->reader->err && link->reader->len - link->reader->pos <= ANSWER_MAX_BYTES)
        return true;
    fail(link->store, "its answer makes no sense");
    return false;
}

static void read_more(Link *link);

static void on_read(GObject *stream, GAsyncResult *result, void *data)
{
    g_autoptr(Link) link = data;
    g_autoptr(GError) error = NULL;
    const gssize n = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, &error);
    if (!link->store)
        return;
    if (n <= 0) {
        fail(link->store, error ? error->message : "it has closed the connection");
        return;
    }
    redisReaderFeed(link->reader, (const char *) link->buffer, (size_t) n);
    if (take_replies(link))
        read_more(link);
}

static void read_more(Link *link)
{
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(link->connection)), link->buffer,
                              sizeof link->buffer, G_PRIORITY_HIGH, link->cancellable, on_read, g_rc_box_acquire(link));
}

/* A store that stands still, or a network that swallows, does not close the connection. */
static gboolean on_look(gpointer data)
{
    DubLeaseStore *self = data;
    const Pending *oldest = g_queue_peek_head(&self->link->pending);
    if (oldest && dub_clock_now() - oldest->asked_ns > self->ttl_ms / 3 * DUB_NS_PER_MS)
        fail(self, "it does not answer");
    return G_SOURCE_CONTINUE;
}

/* --- connecting ------------------------------------------------------------------------------------------------- */

static void on_connected(GObject *client, GAsyncResult *result, void *data)
{
    g_autoptr(Link) link = data;
    g_autoptr(GError) error = NULL;
    GSocketConnection *connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(client), result, &error);
    DubLeaseStore *self = link->store;
    if (!self) {
        g_clear_object(&connection);
        return;
    }
    if (!connection) {
        fail(self, error->message);
        return;
    }
    link->connection = connection;
    g_socket_set_timeout(g_socket_connection_get_socket(connection), 0); /* it was for connecting */
    self->look = start_timer(LOOK_MS, on_look, self);
    greet(self);
    read_more(link);
}

static void open_link(DubLeaseStore *self)
{
    Link *link = g_rc_box_new0(Link);
    link->store = self;
    link->cancellable = g_cancellable_new();
    link->reader = redisReaderCreate();
    link->waiting = g_byte_array_new();
    link->writing = g_byte_array_new();
    g_queue_init(&link->pending);
    self->link = link;
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_socket_client_set_timeout(client, CONNECT_S);
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_tls(client, self->is_tls);
    g_socket_client_connect_async(client, self->address, link->cancellable, on_connected, g_rc_box_acquire(link));
}

DubLeaseStore *dub_lease_store_new(const DubLeaseStoreConfig *config, const DubLeaseStoreCallbacks *callbacks,
                                   void *user_data, GError **error)
{
    g_auto(Address) address = { 0 };
    if (!parse(config->url, &address, error))
        return NULL;
    DubLeaseStore *self = g_new0(DubLeaseStore, 1);
    self->address = g_network_address_new(address.host, address.port);
    self->is_tls = address.is_tls;
    self->user = g_steal_pointer(&address.user);
    self->password = g_steal_pointer(&address.password);
    self->database = g_steal_pointer(&address.database);
    self->holder = g_strdup(config->holder);
    self->ttl_ms = config->ttl_ms;
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->retry_ms = FIRST_RETRY_MS;
    self->problem = g_strdup("it has not answered yet");
    self->limit = dub_log_limit_new("lease store", 0);
    open_link(self);
    return self;
}

void dub_lease_store_free(DubLeaseStore *self)
{
    if (!self)
        return;
    close_link(self);
    dub_timer_drop(&self->retry);
    dub_log_limit_free(self->limit);
    g_object_unref(self->address);
    g_free(self->user);
    g_free(self->password);
    g_free(self->database);
    g_free(self->holder);
    g_free(self->problem);
    g_free(self);
}

bool dub_lease_store_is_idle(const DubLeaseStore *self)
{
    return !self->is_up || self->link->pending.length == 0;
}

const char *dub_lease_store_problem(const DubLeaseStore *self)
{
    return self->is_up ? NULL : self->problem;
}
