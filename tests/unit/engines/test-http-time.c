/* Unit tests of engines/http: requests end when their time is over, and when nobody wants them any more. */
#include "base/clock.h"
#include "base/error.h"
#include "http-rig.h"

#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

static const PeerStep slow_steps[] = {
    { NULL, NULL, NULL, PEER_HANGS },
    { NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Ty", PEER_HANGS },
    { NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a", PEER_HANGS },
    { "429 Slow", "Retry-After: 5\r\n", NULL, PEER_KEEPS },
    { NULL, NULL, "HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n", PEER_HANGS },
};
static const char *const slow_names[] = { "head", "in-head", "body", "pause", "error" };

static void test_deadline(const void *data)
{
    const PeerStep *step = data;
    g_autoptr(HttpRig) rig = http_rig_new(step, 1);
    DubHttpRequest request = http_post;
    const int64_t began_ns = dub_clock_now();
    request.deadline_ns = began_ns + 200 * DUB_NS_PER_MS;
    int code;
    g_autofree char *said = http_ask(rig->client, &request, &code);
    const int64_t took_ns = dub_clock_now() - began_ns;
    g_assert_cmpint(took_ns, <, 200 * DUB_NS_PER_MS + CANCEL_NS);
    if (step->status) { /* the pause does not fit, so nobody waits */
        assert_code(code, DUB_ERROR_BACKPRESSURE, said);
        return;
    }
    g_assert_cmpint(took_ns, >=, 200 * DUB_NS_PER_MS);
    assert_code(code, DUB_ERROR_TIMEOUT, said);
    assert_holds(said, "no answer from http://127.0.0.1:");
}

typedef struct {
    Peer *peer; /* cancelled once it has read the request; NULL: at once */
    GCancellable *cancellable;
    int64_t at_ns;
} Canceller;

static gpointer cancel_soon(gpointer data)
{
    Canceller *self = data;
    if (self->peer)
        peer_wait_for_request(self->peer, 1);
    self->at_ns = dub_clock_now();
    g_cancellable_cancel(self->cancellable);
    return NULL;
}

/* Returns: how long it took from the cancel to the end of the request */
static int64_t cancel_during(DubHttpClient *client, Peer *peer)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Canceller canceller = { peer, cancellable, 0 };
    DubHttpRequest request = http_post;
    request.cancellable = cancellable;
    request.deadline_ns = dub_clock_now() + 10 * DUB_NS_PER_S;
    GThread *thread = g_thread_new("cancels", cancel_soon, &canceller);
    int code;
    g_autofree char *said = http_ask(client, &request, &code);
    const int64_t ended_ns = dub_clock_now();
    g_thread_join(thread);
    assert_code(code, DUB_ERROR_CANCELLED, said);
    return ended_ns - canceller.at_ns;
}

static void test_cancel(const void *data)
{
    g_autoptr(HttpRig) rig = http_rig_new(data, 1);
    const int64_t took_ns = cancel_during(rig->client, rig->peer);
    g_test_message("%.1f ms", (double) took_ns / DUB_NS_PER_MS);
    g_assert_cmpint(took_ns, <, CANCEL_NS);
}

/* Nothing is sent that nobody wants any more. */
static void test_too_late(void)
{
    static const PeerStep steps[] = { GOOD };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    DubHttpRequest late = http_post, unwanted = http_post;
    late.deadline_ns = dub_clock_now();
    unwanted.cancellable = cancellable;
    int code;
    g_autofree char *said = http_ask(rig->client, &late, &code);
    assert_code(code, DUB_ERROR_TIMEOUT, said);
    g_autofree char *again = http_ask(rig->client, &unwanted, &code);
    assert_code(code, DUB_ERROR_CANCELLED, again);
    g_assert_cmpuint(peer_n_connections(rig->peer), ==, 0);
    g_autofree char *now = http_ask(rig->client, &http_post, &code); /* and the client is none the worse for it */
    g_assert_cmpstr(now, ==, "ok");
}

/* After a cancel the next request has a connection of its own. */
static void test_cancel_then_ask(void)
{
    static const PeerStep steps[] = { { NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a", PEER_HANGS },
                                      GOOD };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    cancel_during(rig->client, rig->peer);
    int code;
    g_autofree char *said = http_ask(rig->client, &http_post, &code);
    g_assert_cmpstr(said, ==, "ok");
    g_assert_cmpuint(peer_n_connections(rig->peer), ==, 2);
}

/* ---- names that nobody resolves ---- */

#define HANGING_NAME "hangs.invalid"
static struct {
    GMutex mutex;
    GCond changed;
    unsigned n_inside;
    bool open;
} resolver; /* the one of this program, which libcurl's threads call */

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **result)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (name && strcmp(name, HANGING_NAME) == 0) {
        g_mutex_lock(&resolver.mutex);
        resolver.n_inside++;
        g_cond_broadcast(&resolver.changed);
        while (!resolver.open)
            g_cond_wait(&resolver.changed, &resolver.mutex);
        resolver.n_inside--;
        g_cond_broadcast(&resolver.changed);
        g_mutex_unlock(&resolver.mutex);
        return EAI_AGAIN;
    }
    if (!real)
        *(void **) &real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(name, port, hints, result);
}

static void open_resolver(void)
{
    g_mutex_lock(&resolver.mutex);
    resolver.open = true;
    g_cond_broadcast(&resolver.changed);
    while (resolver.n_inside)
        g_cond_wait(&resolver.changed, &resolver.mutex);
    g_mutex_unlock(&resolver.mutex);
}

static gpointer cancel_inside_resolver(gpointer data)
{
    g_mutex_lock(&resolver.mutex);
    while (!resolver.n_inside)
        g_cond_wait(&resolver.changed, &resolver.mutex);
    g_mutex_unlock(&resolver.mutex);
    return cancel_soon(data);
}

static void test_resolver_hangs(void)
{
    g_autoptr(DubHttpClient) client = http_client("http://" HANGING_NAME ":80", KEY, NULL);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Canceller canceller = { NULL, cancellable, 0 };
    DubHttpRequest request = http_post;
    request.cancellable = cancellable;
    resolver.open = false;
    GThread *thread = g_thread_new("cancels", cancel_inside_resolver, &canceller);
    int code;
    g_autofree char *said = http_ask(client, &request, &code);
    const int64_t ended_ns = dub_clock_now();
    g_thread_join(thread);
    assert_code(code, DUB_ERROR_CANCELLED, said);
    g_assert_cmpint(ended_ns - canceller.at_ns, <, CANCEL_NS);

    const int64_t began_ns = dub_clock_now();
    request.cancellable = NULL;
    request.deadline_ns = began_ns + 100 * DUB_NS_PER_MS;
    g_autofree char *late = http_ask(client, &request, &code);
    assert_code(code, DUB_ERROR_TIMEOUT, late);
    g_clear_pointer(&client, dub_http_client_free); /* does not wait for it either */
    g_assert_cmpint(dub_clock_now() - began_ns, <, 100 * DUB_NS_PER_MS + CANCEL_NS);
    open_resolver();
}

static void test_no_such_name(void)
{
    g_autoptr(DubHttpClient) client = http_client("http://" HANGING_NAME, KEY, NULL);
    resolver.open = true;
    int code;
    g_autofree char *said = http_ask(client, &http_post, &code);
    assert_code(code, DUB_ERROR_NETWORK, said);
    assert_holds(said, "no connection to http://hangs.invalid: ");
}

static void test_nobody_listens(void)
{
    Peer *peer = peer_new(NULL, 0);
    g_autofree char *url = peer_url(peer);
    peer_free(peer);
    g_autoptr(DubHttpClient) client = http_client(url, KEY, NULL);
    int code;
    g_autofree char *said = http_ask(client, &http_post, &code);
    assert_code(code, DUB_ERROR_NETWORK, said);
    assert_holds(said, "no connection to http://127.0.0.1:");
}

static void add_slow(const char *prefix, GTestDataFunc func)
{
    for (gsize i = 0; i < G_N_ELEMENTS(slow_steps); i++) {
        g_autofree char *path = g_strconcat("/engines/http-time/", prefix, "/", slow_names[i], NULL);
        g_test_add_data_func(path, &slow_steps[i], func);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_slow("deadline", test_deadline);
    add_slow("cancel", test_cancel);
    g_test_add_func("/engines/http-time/too-late", test_too_late);
    g_test_add_func("/engines/http-time/cancel/then-ask", test_cancel_then_ask);
    g_test_add_func("/engines/http-time/resolver-hangs", test_resolver_hangs);
    g_test_add_func("/engines/http-time/no-such-name", test_no_such_name);
    g_test_add_func("/engines/http-time/nobody-listens", test_nobody_listens);
    return g_test_run();
}
