/* Unit tests of engines/http: one server that behaves, and all the ways in which one may not. */
#include "base/clock.h"
#include "base/error.h"
#include "http-rig.h"

#include <string.h>

/* ---- a server that behaves ---- */

static void test_keeps_the_connection(void)
{
    static const PeerStep steps[] = { { "200 OK", NULL, OK_JSON, PEER_KEEPS },
                                      { "200 OK", NULL, OK_JSON, PEER_KEEPS } };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    for (int i = 0; i < 2; i++) {
        int code;
        g_autofree char *said = http_ask(rig->client, &http_post, &code);
        g_assert_cmpstr(said, ==, "ok");
    }
    g_assert_cmpuint(peer_n_requests(rig->peer), ==, 2);
    g_assert_cmpuint(peer_n_connections(rig->peer), ==, 1);
    g_autofree char *request = peer_request(rig->peer, 1);
    g_assert_true(g_str_has_prefix(request, "POST /v1/x HTTP/1.1\r\n"));
    assert_holds(request, "\r\nAuthorization: Bearer " KEY "\r\n");
    assert_holds(request, "\r\nContent-Type: application/json\r\n");
    g_assert_null(strstr(request, "Expect"));
    g_assert_true(g_str_has_suffix(request, "\r\n\r\n{}"));
}

static gpointer ask_in_thread(gpointer data)
{
    int code;
    return http_ask(data, &http_post, &code);
}

static void test_threads_take_turns(void)
{
    static const PeerStep steps[] = { { "200 OK", NULL, OK_JSON, PEER_KEEPS },
                                      { "200 OK", NULL, OK_JSON, PEER_KEEPS },
                                      { "200 OK", NULL, OK_JSON, PEER_KEEPS } };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    for (int i = 0; i < 3; i++) {
        g_autofree char *said = g_thread_join(g_thread_new("asks", ask_in_thread, rig->client));
        g_assert_cmpstr(said, ==, "ok");
    }
    g_assert_cmpuint(peer_n_connections(rig->peer), ==, 1);
}

static void test_get(void)
{
    static const PeerStep steps[] = { { "200 OK", "X-Cost: 12\r\nContent-Type: application/json\r\n", OK_JSON,
                                        PEER_KEEPS },
                                      { "200 OK", NULL, OK_JSON, PEER_KEEPS } };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    const DubHttpRequest get = { .path = "/v1/models?a=b" };
    int code;
    g_autofree char *said = http_ask(rig->client, &get, &code);
    g_assert_cmpstr(said, ==, "ok");
    g_autofree char *request = peer_request(rig->peer, 0);
    g_assert_true(g_str_has_prefix(request, "GET /v1/models?a=b HTTP/1.1\r\n"));
    g_assert_cmpstr(dub_http_client_header(rig->client, "x-cost"), ==, "12");
    g_autofree char *again = http_ask(rig->client, &http_post, &code);
    g_assert_null(dub_http_client_header(rig->client, "x-cost"));
}

static void test_parts(void)
{
    static const PeerStep steps[] = { { "200 OK", NULL, OK_JSON, PEER_KEEPS } };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    const DubHttpPart parts[] = { { "model", NULL, NULL, "tiny", 4 },
                                  { "file", "a.wav", "audio/wav", "RI\"FF\r\n", 7 } };
    const DubHttpRequest request = { .path = "/x", .parts = parts, .n_parts = G_N_ELEMENTS(parts) };
    int code;
    g_autofree char *said = http_ask(rig->client, &request, &code);
    g_assert_cmpstr(said, ==, "ok");
    g_autofree char *sent = peer_request(rig->peer, 0);
    assert_holds(sent, "\r\nContent-Type: multipart/form-data; boundary=");
    assert_holds(sent, "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ntiny\r\n--");
    assert_holds(sent, "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: "
                       "audio/wav\r\n\r\nRI\"FF\r\n\r\n--");
}

static void test_bytes(void)
{
    static const PeerStep steps[] = { { "200 OK", "Content-Type: audio/wav\r\n", "sound", PEER_KEEPS },
                                      { "204 No Content", "", NULL, PEER_KEEPS } };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    const char *type = NULL;
    g_autoptr(GBytes) sound = dub_http_client_ask(rig->client, &http_post, &type, NULL);
    g_assert_cmpmem(g_bytes_get_data(sound, NULL), g_bytes_get_size(sound), "sound", 5);
    g_assert_cmpstr(type, ==, "audio/wav");
    g_autoptr(GBytes) nothing = dub_http_client_ask(rig->client, &http_post, &type, NULL);
    g_assert_cmpuint(g_bytes_get_size(nothing), ==, 0);
    g_assert_null(type);
}

/* ---- answers that are errors ---- */

typedef struct {
    const char *name;
    PeerStep step;
    int code;
    const char *says;
} Case;

#define SAYS(text) NULL, "{\"error\":{\"message\":\"" text "\"}}", PEER_KEEPS
#define TYPE(type) "Content-Type: " type "\r\n"
static const Case cases[] = {
    { "400",
      { "400 Bad Request", SAYS("no such language") },
      DUB_ERROR_INVALID_ARGUMENT,
      "refuses the request (400: \"no such language\")" },
    { "422", { "422 Unprocessable", SAYS("field required") }, DUB_ERROR_INVALID_ARGUMENT, "(422: \"field" },
    { "401",
      { "401 Unauthorized", SAYS("who are you") },
      DUB_ERROR_AUTH,
      "refuses the key (401: \"who are you\"); check TEST_KEY" },
    { "403", { "403 Forbidden", TYPE("text/html"), "<h1>no</h1>", PEER_KEEPS }, DUB_ERROR_AUTH, "key (403); check" },
    { "404", { "404 Not Found", SAYS("x") }, DUB_ERROR_NOT_FOUND, "has no /v1/x (404: \"x\"); check TEST_URL" },
    { "402", { "402 Payment Required", SAYS("pay") }, DUB_ERROR_NO_SPACE, "quota" },
    { "408", { "408 Request Timeout", SAYS("slow") }, DUB_ERROR_NETWORK, "408" },
    { "413", { "413 Too Large", SAYS("x") }, DUB_ERROR_INVALID_ARGUMENT, "too large" },
    { "429", { "429 Too Many", SAYS("slow down") }, DUB_ERROR_BACKPRESSURE, "too often (429: \"slow down\")" },
    { "429-long",
      { "429 Too Many", "Retry-After: 100\r\n", NULL, PEER_KEEPS },
      DUB_ERROR_BACKPRESSURE,
      "too often (429); it wants a pause of 100.0 s" },
    { "429-strange",
      { "429 Too Many", "Retry-After: later\r\n", NULL, PEER_KEEPS },
      DUB_ERROR_BACKPRESSURE,
      "too often (429)" },
    { "429-no-money",
      { "429 Too Many", "Retry-After: 0\r\n",
        "{\"error\":{\"code\":\"insufficient_quota\","
        "\"message\":\"m\"}}",
        PEER_KEEPS },
      DUB_ERROR_NO_SPACE,
      "used up (429: \"m\")" },
    { "401-no-money",
      { "401 Unauthorized", NULL, "{\"detail\":{\"status\":\"quota_exceeded\",\"message\":\"m\"}}", PEER_KEEPS },
      DUB_ERROR_NO_SPACE,
      "used up (401: \"m\")" },
    { "456", { "456 Quota Exceeded", SAYS("Quota Exceeded") }, DUB_ERROR_NO_SPACE, "quota" },
    { "502", { "502 Bad Gateway", SAYS("x") }, DUB_ERROR_NETWORK, "failed (502: \"x\")" },
    { "504", { "504 Gateway Timeout", SAYS("x") }, DUB_ERROR_NETWORK, "504" },
    { "503-long", { "503 Busy", "Retry-After: 100\r\n", NULL, PEER_KEEPS }, DUB_ERROR_BACKPRESSURE, "100.0 s" },
    { "529-long", { "529 Busy", "Retry-After: 100\r\n", NULL, PEER_KEEPS }, DUB_ERROR_BACKPRESSURE, "100.0 s" },
    { "301",
      { "301 Moved", "Location: https://" KEY "@elsewhere.example/a?key=" KEY "\r\n", NULL, PEER_KEEPS },
      DUB_ERROR_ENGINE,
      "sends us to https://elsewhere.example (301), which is not followed" },
    { "307-same-host", { "307 Moved", "Location: /v1/x/\r\n", NULL, PEER_KEEPS }, DUB_ERROR_ENGINE, "127.0.0.1" },
    { "300-nowhere", { "300 Choose", "", NULL, PEER_KEEPS }, DUB_ERROR_ENGINE, "sends us to elsewhere (300)" },
    { "html",
      { "200 OK", TYPE("text/html"), "<h1>hi</h1>", PEER_KEEPS },
      DUB_ERROR_ENGINE,
      "answers with text/html instead of JSON; check TEST_URL" },
    { "error-under-200", { "200 OK", SAYS("out of memory") }, DUB_ERROR_ENGINE, "failed (200: \"out of memory\")" },
    { "broken-json", { "200 OK", NULL, "{\"a\":", PEER_KEEPS }, DUB_ERROR_ENGINE, "nobody can read: JSON: line 1" },
    { "empty", { "200 OK", NULL, "", PEER_KEEPS }, DUB_ERROR_ENGINE, "nobody can read" },
    { "control-characters",
      { "400 Bad", TYPE("text/plain"),
        "a\nb\x1b[31m\xc2\x9b"
        "c",
        PEER_KEEPS },
      DUB_ERROR_INVALID_ARGUMENT,
      "(400: \"a\\nb\\u001b[31m c\")" },
    { "not-http", { NULL, NULL, "220 mail.example ESMTP\r\n", PEER_CLOSES }, DUB_ERROR_ENGINE, "does not speak HTTP" },
    { "cut-at-once", { NULL, NULL, NULL, PEER_CLOSES }, DUB_ERROR_NETWORK, "broke" },
    { "cut-in-head", { NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Ty", PEER_CLOSES }, DUB_ERROR_ENGINE, "can read" },
    { "cut-in-body",
      { NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a", PEER_CLOSES },
      DUB_ERROR_NETWORK,
      "broke" },
    { "cut-in-chunk",
      { NULL, NULL, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"a", PEER_CLOSES },
      DUB_ERROR_NETWORK,
      "broke" },
};

static void test_case(const void *data)
{
    const Case *c = data;
    g_autoptr(HttpRig) rig = http_rig_new(&c->step, 1);
    DubHttpRequest request = http_post;
    request.deadline_ns = dub_clock_now() + 5 * DUB_NS_PER_S;
    int code;
    g_autofree char *said = http_ask(rig->client, &request, &code);
    assert_code(code, c->code, said);
    assert_holds(said, c->says);
    g_assert_cmpuint(peer_n_requests(rig->peer), ==, 1);
}

static void test_about(void)
{
    static const PeerStep steps[] = { { "404 Not Found", NULL, NULL, PEER_KEEPS } };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    DubHttpRequest request = http_post;
    request.about = "voice alloy";
    int code;
    g_autofree char *said = http_ask(rig->client, &request, &code);
    assert_holds(said, "has no voice alloy (404)");
}

static void test_no_key(void)
{
    static const PeerStep steps[] = { { "401 Unauthorized", NULL, NULL, PEER_KEEPS } };
    g_autoptr(HttpRig) rig = http_rig_new_with(steps, G_N_ELEMENTS(steps), NULL);
    int code;
    g_autofree char *said = http_ask(rig->client, &http_post, &code);
    assert_holds(said, "wants a key (401); check TEST_KEY");
    g_autofree char *request = peer_request(rig->peer, 0);
    g_assert_null(strstr(request, "Authorization"));
}

/* Whether a server is there and takes the key: what list() asks. */
static void test_check(void)
{
    static const PeerStep steps[] = { { "200 OK", NULL, "[]", PEER_KEEPS },
                                      { "404 Not Found", NULL, NULL, PEER_KEEPS },
                                      { "405 Not Allowed", NULL, NULL, PEER_KEEPS },
                                      { "401 Unauthorized", NULL, NULL, PEER_CLOSES } };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    g_autoptr(GError) error = NULL;
    for (int i = 0; i < 3; i++)
        g_assert_true(dub_http_client_check(rig->client, "/v1/models", NULL, NULL));
    g_assert_false(dub_http_client_check(rig->client, "/v1/models", NULL, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_AUTH);
}

/* ---- again ---- */

typedef struct {
    const char *name;
    PeerStep steps[2];
    bool with_key;
    int code; /* -1: works out */
    guint n_requests;
    double least_s; /* that it takes */
} AgainCase;

static const AgainCase again_cases[] = {
    { "500", { { "500 Oops", NULL, NULL, PEER_KEEPS }, GOOD }, true, -1, 2, 0 },
    { "503", { { "503 Oops", NULL, NULL, PEER_CLOSES }, GOOD }, true, -1, 2, 0 },
    { "500-twice",
      { { "500 Oops", NULL, NULL, PEER_KEEPS }, { "500 Oops", NULL, NULL, PEER_KEEPS } },
      true,
      DUB_ERROR_ENGINE,
      2,
      0 },
    { "502-costs", { { "502 Oops", NULL, NULL, PEER_KEEPS }, GOOD }, true, DUB_ERROR_NETWORK, 1, 0 },
    { "502-free", { { "502 Oops", NULL, NULL, PEER_KEEPS }, GOOD }, false, -1, 2, 0 },
    { "504-free", { { "504 Oops", NULL, NULL, PEER_KEEPS }, GOOD }, false, -1, 2, 0 },
    { "400", { { "400 Oops", NULL, NULL, PEER_KEEPS }, GOOD }, false, DUB_ERROR_INVALID_ARGUMENT, 1, 0 },
    { "429", { { "429 Slow", "Retry-After: 0.2\r\n", NULL, PEER_KEEPS }, GOOD }, true, -1, 2, 0.2 },
    { "503-wait", { { "503 Slow", "Retry-After: 0.2\r\n", NULL, PEER_KEEPS }, GOOD }, true, -1, 2, 0.2 },
    { "429-twice",
      { { "429 Slow", "Retry-After: 0\r\n", NULL, PEER_KEEPS }, { "429 S", "Retry-After: 0\r\n", NULL, PEER_KEEPS } },
      true,
      DUB_ERROR_BACKPRESSURE,
      2,
      0 },
    { "cut-when-new", { { NULL, NULL, NULL, PEER_CLOSES }, GOOD }, false, DUB_ERROR_NETWORK, 1, 0 },
};

static void test_again(const void *data)
{
    const AgainCase *c = data;
    g_autoptr(HttpRig) rig = http_rig_new_with(c->steps, 2, c->with_key ? KEY : NULL);
    DubHttpRequest request = http_post;
    request.deadline_ns = dub_clock_now() + 10 * DUB_NS_PER_S;
    const int64_t began_ns = dub_clock_now();
    int code;
    g_autofree char *said = http_ask(rig->client, &request, &code);
    assert_code(code, c->code, said);
    g_assert_cmpuint(peer_n_requests(rig->peer), ==, c->n_requests);
    g_assert_cmpfloat((double) (dub_clock_now() - began_ns) / DUB_NS_PER_S, >=, c->least_s);
}

/* An idle connection that the server closed is no error, and the text is sent once. */
static void test_idle_connection_is_dead(void)
{
    static const PeerStep steps[] = { { "200 OK", NULL, OK_JSON, PEER_CLOSES }, GOOD };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    for (int i = 0; i < 2; i++) {
        int code;
        g_autofree char *said = http_ask(rig->client, &http_post, &code);
        g_assert_cmpstr(said, ==, "ok");
    }
    g_assert_cmpuint(peer_n_requests(rig->peer), ==, 2);
    g_assert_cmpuint(peer_n_connections(rig->peer), ==, 2);
}

/* One that is closed just as the request goes out: again, once. */
static void test_connection_dies_under_the_request(void)
{
    static const PeerStep steps[] = { GOOD, { NULL, NULL, NULL, PEER_CLOSES }, GOOD };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    for (int i = 0; i < 2; i++) {
        int code;
        g_autofree char *said = http_ask(rig->client, &http_post, &code);
        g_assert_cmpstr(said, ==, "ok");
    }
    g_assert_cmpuint(peer_n_requests(rig->peer), ==, 3);
}

/* Who asked for a pause is not asked meanwhile. */
static void test_pause_is_kept(void)
{
    static const PeerStep steps[] = { { "429 Slow", "Retry-After: 30\r\n", NULL, PEER_KEEPS } };
    g_autoptr(HttpRig) rig = http_rig_new(steps, G_N_ELEMENTS(steps));
    DubHttpRequest request = http_post;
    for (int i = 0; i < 3; i++) {
        int code;
        request.deadline_ns = dub_clock_now() + 2 * DUB_NS_PER_S;
        g_autofree char *said = http_ask(rig->client, &request, &code);
        assert_code(code, DUB_ERROR_BACKPRESSURE, said);
        assert_holds(said, i ? "wants a pause of " : "it wants a pause of 30.0 s");
    }
    g_assert_cmpuint(peer_n_requests(rig->peer), ==, 1);
}

/* ---- bounds ---- */

typedef struct {
    const char *name;
    PeerStep step;
    int code;
    const char *says;
} LargeCase;

#define CHUNKS "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n"
static const LargeCase large_cases[] = {
    { "announced",
      { NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", PEER_FLOODS },
      DUB_ERROR_ENGINE,
      "larger than 100000 bytes" },
    { "announced-only",
      { NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", PEER_HANGS },
      DUB_ERROR_ENGINE,
      "larger than 100000 bytes" },
    { "until-it-closes",
      { NULL, NULL, "HTTP/1.1 200 OK\r\n\r\n", PEER_FLOODS },
      DUB_ERROR_ENGINE,
      "larger than 100000" },
    { "chunks",
      { NULL, NULL, "HTTP/1.1 200 OK\r\n" CHUNKS, PEER_FLOODS },
      DUB_ERROR_ENGINE,
      "larger than 100000 bytes" },
    { "header", { NULL, NULL, "HTTP/1.1 200 OK\r\nX-Header: ", PEER_FLOODS }, DUB_ERROR_NETWORK, "" },
    { "error",
      { NULL, NULL, "HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\n" CHUNKS, PEER_FLOODS },
      DUB_ERROR_INVALID_ARGUMENT,
      "refuses the request (400: \"xxxx" },
};

static void test_large(const void *data)
{
    const LargeCase *c = data;
    g_autoptr(HttpRig) rig = http_rig_new(&c->step, 1);
    DubHttpRequest request = http_post;
    request.most_bytes = 100000;
    request.deadline_ns = dub_clock_now() + 10 * DUB_NS_PER_S;
    int code;
    g_autofree char *said = http_ask(rig->client, &request, &code);
    assert_code(code, c->code, said);
    assert_holds(said, c->says);
    g_assert_cmpuint(strlen(said), <, 700);
    g_assert_cmpuint(peer_n_flooded(rig->peer), <, 16 * 1024 * 1024); /* what sockets hold, and no more */
}

static void test_many_headers(void)
{
    g_autoptr(GString) head = g_string_new("HTTP/1.1 200 OK\r\n");
    while (head->len < 70000)
        g_string_append(head, "X-Header: 0123456789012345678901234567890123456789\r\n");
    g_string_append(head, "Content-Length: 7\r\n\r\n" OK_JSON);
    const PeerStep step = { NULL, NULL, head->str, PEER_KEEPS };
    g_autoptr(HttpRig) rig = http_rig_new(&step, 1);
    int code;
    g_autofree char *said = http_ask(rig->client, &http_post, &code);
    assert_code(code, DUB_ERROR_ENGINE, said);
    assert_holds(said, "larger than 65536 bytes");
}

static void test_largest(void)
{
    g_autofree char *body = g_strnfill(100000, ' ');
    memcpy(body, OK_JSON, strlen(OK_JSON));
    const PeerStep step = { "200 OK", NULL, body, PEER_KEEPS };
    g_autoptr(HttpRig) rig = http_rig_new(&step, 1);
    DubHttpRequest request = http_post;
    request.most_bytes = 100000;
    int code;
    g_autofree char *said = http_ask(rig->client, &request, &code);
    g_assert_cmpstr(said, ==, "ok");
}

/* ---- secrets ---- */

#define QUARTER "sk-4711-the-k"
static const PeerStep telling_steps[] = {
    { "400 Bad", NULL, "{\"error\":\"bad key " KEY "\"}", PEER_KEEPS },
    { "401 Bad", NULL, "{\"message\":\"Incorrect API key provided: " QUARTER "****sees\"}", PEER_KEEPS },
    { "403 Bad", TYPE("text/plain"), "you sent Authorization: Bearer " KEY, PEER_KEEPS },
    { "400 Bad", NULL, "{\"error\":\"c2stNDcxMS10aGUta2V5LXRoYXQtbm9ib2R5LXNlZXM=\"}", PEER_KEEPS },
    { "404 Bad", NULL, "{\"detail\":[{\"msg\":\"SK-4711-THE-KEY-THAT-NOBODY-SEES\"}]}", PEER_KEEPS },
    { "301 Moved", "Location: http://127.0.0.1/" KEY "\r\n", NULL, PEER_KEEPS },
    { "301 Moved", "Location: http://" KEY ".example/\r\n", NULL, PEER_KEEPS },
    { "301 Moved", "Location: " KEY "://example/\r\n", NULL, PEER_KEEPS },
    { "200 OK", TYPE("text/" KEY), OK_JSON, PEER_KEEPS },
    { "200 OK", NULL, "{\"a\": " KEY, PEER_KEEPS },
    { "200 OK", NULL, "{\"" KEY "\":1,\"" KEY "\":2}", PEER_KEEPS },
    { "429 Slow", "Retry-After: " KEY "\r\n", "{\"error\":\"" KEY "\"}", PEER_KEEPS },
    { "999 " KEY, NULL, NULL, PEER_KEEPS },
    { NULL, NULL, KEY " is no HTTP\r\n", PEER_CLOSES },
    { NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Length: " KEY "\r\n\r\n", PEER_CLOSES },
    { NULL, NULL, "HTTP/1.1 200 OK\r\nTransfer-Encoding: " KEY "\r\n\r\n" KEY, PEER_CLOSES },
    { NULL, NULL, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" KEY "\r\n", PEER_CLOSES },
};

static void test_told_key(const void *data)
{
    g_autoptr(HttpRig) rig = http_rig_new(data, 1);
    int code;
    g_autofree char *said = http_ask(rig->client, &http_post, &code);
    g_autofree char *lower = g_ascii_strdown(said, -1);
    g_assert_cmpint(code, !=, -1);
    g_assert_null(strstr(lower, QUARTER));
    g_assert_null(strstr(said, "c2stNDcx"));
    g_test_message("%s", said);
}

/* A reader of answers may quote what it does not like. */
static void test_refuse_hides(void)
{
    g_autoptr(DubHttpClient) client =
        http_client("http://me:letmein%21@127.0.0.1", KEY, "http://you:openup@127.0.0.1:1");
    g_autoptr(GError) error = g_error_new(DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "text: " KEY " or letmein! or openup");
    g_assert_null(dub_http_client_refuse(client, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_cmpstr(error->message, ==, "test: http://127.0.0.1 answers what nobody can read: text: […] or […] or […]");
    g_autofree char *quoted = dub_http_client_quote(client, "a\n" KEY);
    g_assert_cmpstr(quoted, ==, "a\\n[…]");
}

/* ---- settings ---- */

typedef struct {
    const char *name, *url, *key, *proxy, *says;
} BadCase;

static const BadCase bad_cases[] = {
    { "url", "api.example.com", KEY, NULL, "TEST_URL: not an http" },
    { "url-with-key", "https://h/?key=" KEY, NULL, NULL, "TEST_URL: not an http" },
    { "key-two-lines", "http://h", KEY "\nX-Header: 1", NULL, "TEST_KEY: not a key" },
    { "key-blank", "http://h", "a b", NULL, "TEST_KEY: not a key" },
    { "key-umlaut", "http://h", "k\xc3\xa4y", NULL, "TEST_KEY: not a key" },
    { "bad-proxy", "http://h", KEY, "proxy:3128", "TEST_PROXY: not an http" },
};

static void test_bad_settings(const void *data)
{
    const BadCase *c = data;
    const DubHttpSettings settings = { .url = (char *) c->url, .key = (char *) c->key, .proxy = (char *) c->proxy };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_http_client_new(&http_service, &settings, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    assert_holds(error->message, c->says);
    g_assert_null(strstr(error->message, KEY));
}

static void test_long_key(void)
{
    g_autofree char *key = g_strnfill(DUB_HTTP_KEY_MOST_BYTES + 1, 'k');
    DubHttpSettings settings = { .url = (char *) "http://h", .key = key };
    g_assert_null(dub_http_client_new(&http_service, &settings, NULL));
    key[DUB_HTTP_KEY_MOST_BYTES] = '\0';
    g_autoptr(DubHttpClient) client = dub_http_client_new(&http_service, &settings, NULL);
    g_assert_nonnull(client);
}

static void test_proxy(void)
{
    static const PeerStep steps[] = { GOOD };
    g_autoptr(Peer) peer = peer_new(steps, G_N_ELEMENTS(steps));
    g_autofree char *proxy = peer_url(peer);
    g_autoptr(DubHttpClient) client = http_client("http://api.example.com", KEY, proxy);
    int code;
    g_autofree char *said = http_ask(client, &http_post, &code);
    g_assert_cmpstr(said, ==, "ok");
    g_autofree char *request = peer_request(peer, 0);
    g_assert_true(g_str_has_prefix(request, "POST http://api.example.com/v1/x HTTP/1.1\r\n"));
}

/* main() has set http_proxy to a port where nobody listens: every other test shows that it has no effect. */
static void test_environment_says_nothing(void)
{
    g_assert_cmpstr(g_getenv("http_proxy"), ==, "http://127.0.0.1:1");
}

static void test_rows(void)
{
    static const DubEnvSpec specs[] = { DUB_HTTP_ROWS("TEST", "TEST_KEY", "who we are", "where it is") };
    char *environment[] = { (char *) "TEST_KEY=k",      (char *) "TEST_URL=http://h",  (char *) "TEST_PROXY=http://p",
                            (char *) "TEST_CA_FILE=/f", (char *) "TEST_CONNECTIONS=3", NULL };
    DubHttpSettings settings = { 0 };
    g_assert_cmpuint(G_N_ELEMENTS(specs), ==, DUB_HTTP_N_ROWS);
    g_assert_true(dub_env_load(specs, G_N_ELEMENTS(specs), &settings, environment, NULL));
    g_assert_cmpstr(settings.key, ==, "k");
    g_assert_cmpstr(settings.url, ==, "http://h");
    g_assert_cmpstr(settings.proxy, ==, "http://p");
    g_assert_cmpstr(settings.ca_file, ==, "/f");
    g_assert_cmpuint(settings.connections, ==, 3);
    dub_env_clear(specs, G_N_ELEMENTS(specs), &settings);
}

#define ADD(cases, prefix, func)                                                               \
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {                                          \
        g_autofree char *path = g_strconcat("/engines/http/" prefix "/", cases[i].name, NULL); \
        g_test_add_data_func(path, &cases[i], func);                                           \
    }

int main(int argc, char **argv)
{
    g_setenv("http_proxy", "http://127.0.0.1:1", TRUE);
    g_setenv("all_proxy", "http://127.0.0.1:1", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/http/keeps-the-connection", test_keeps_the_connection);
    g_test_add_func("/engines/http/threads-take-turns", test_threads_take_turns);
    g_test_add_func("/engines/http/get", test_get);
    g_test_add_func("/engines/http/parts", test_parts);
    g_test_add_func("/engines/http/bytes", test_bytes);
    ADD(cases, "error", test_case)
    g_test_add_func("/engines/http/error/about", test_about);
    g_test_add_func("/engines/http/error/no-key", test_no_key);
    g_test_add_func("/engines/http/check", test_check);
    ADD(again_cases, "again", test_again)
    g_test_add_func("/engines/http/again/idle-connection", test_idle_connection_is_dead);
    g_test_add_func("/engines/http/again/dies-under-the-request", test_connection_dies_under_the_request);
    g_test_add_func("/engines/http/again/pause-is-kept", test_pause_is_kept);
    ADD(large_cases, "large", test_large)
    g_test_add_func("/engines/http/large/headers", test_many_headers);
    g_test_add_func("/engines/http/large/just-right", test_largest);
    for (gsize i = 0; i < G_N_ELEMENTS(telling_steps); i++) {
        g_autofree char *path = g_strdup_printf("/engines/http/told-key/%" G_GSIZE_FORMAT, i);
        g_test_add_data_func(path, &telling_steps[i], test_told_key);
    }
    g_test_add_func("/engines/http/told-key/refuse", test_refuse_hides);
    ADD(bad_cases, "settings", test_bad_settings)
    g_test_add_func("/engines/http/settings/long-key", test_long_key);
    g_test_add_func("/engines/http/settings/proxy", test_proxy);
    g_test_add_func("/engines/http/settings/environment", test_environment_says_nothing);
    g_test_add_func("/engines/http/settings/rows", test_rows);
    return g_test_run();
}
