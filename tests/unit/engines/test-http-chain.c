/* Unit tests of engines elsewhere in a chain: what they refuse, cannot do now, or do badly, the next one
 * does. Apertium is real. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/chain.h"
#include "peer.h"

#include <string.h>

#define SAID "They lead by twelve points."

typedef struct {
    const char *name;
    PeerStep steps[2];
    guint n_requests;   /* of two sentences, one after the other */
    const char *engine; /* that does the first */
} Case;

#define CHAT(text)                                                                                             \
    {                                                                                                          \
        "200 OK", NULL, "{\"choices\":[{\"message\":{\"content\":\"" text "\"},\"finish_reason\":\"stop\"}]}", \
            PEER_KEEPS                                                                                         \
    }
static const Case cases[] = {
    { "good", { CHAT("Ganan por doce puntos."), CHAT("Ganan por doce puntos.") }, 2, "openai" },
    { "guarded", { CHAT("Ganan por once puntos."), CHAT("Ganan por once puntos.") }, 2, "apertium" },
    { "broken", { { "200 OK", NULL, "{", PEER_KEEPS }, CHAT("Ganan por doce puntos.") }, 2, "apertium" },
    { "refused", { { "401 Unauthorized", NULL, NULL, PEER_KEEPS }, CHAT("Ganan por doce puntos.") }, 2, "apertium" },
    { "pause", { { "429 Slow", "Retry-After: 30\r\n", NULL, PEER_KEEPS }, CHAT("never asked") }, 1, "apertium" },
    { "cut", { { NULL, NULL, NULL, PEER_CLOSES }, CHAT("Ganan por doce puntos.") }, 2, "apertium" },
};

static DubEngineChain *open_chain(const Peer *peer, DubEngineSettings **settings)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *url = peer_url(peer);
    g_autofree char *setting = g_strconcat("MT_OPENAI_URL=", url, NULL);
    char *environment[] = { setting, (char *) "MT_OPENAI_KEY=sk-4711", (char *) "MT_OPENAI_CONNECTIONS=1",
                            (char *) "TRANSLATION_PROVIDER=openai,apertium", NULL };
    *settings = dub_engine_settings_load(environment, &error);
    g_assert_no_error(error);
    DubEngineChain *chain = dub_engine_chain_open(*settings, DUB_STAGE_MT, "en", "es", &error);
    g_assert_no_error(error);
    return chain;
}

static void test_case(const void *data)
{
    const Case *c = data;
    g_autoptr(Peer) peer = peer_new(c->steps, G_N_ELEMENTS(c->steps));
    DubEngineSettings *settings = NULL;
    g_autoptr(DubEngineChain) chain = open_chain(peer, &settings);
    g_assert_cmpuint(peer_n_requests(peer), ==, 0); /* to open costs nothing */
    for (int i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;
        const DubEngineRequest request = { .text = SAID,
                                           .from = "en",
                                           .to = "es",
                                           .deadline_ns = dub_clock_now() + 20 * DUB_NS_PER_S };
        g_autoptr(GPtrArray) replies = dub_engine_chain_run(chain, &request, 1, NULL, &error);
        g_assert_no_error(error);
        const DubEngineReply *reply = g_ptr_array_index(replies, 0);
        g_assert_nonnull(strstr(reply->text, "doce"));
        if (i == 0)
            g_assert_cmpstr(reply->engine->name, ==, c->engine);
    }
    g_assert_cmpuint(peer_n_requests(peer), ==, c->n_requests);
    g_clear_pointer(&chain, dub_engine_chain_close);
    dub_engine_settings_free(settings);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/engines/http-chain/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
