/* Every message of the dub protocol, in both directions: the first byte chooses which, the rest is JSON. It is refused,
 * or what is written of it reads the same again. */
#include "wire/sts-messages.h"
#include "wire/worker-messages.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns: (transfer full): @payload read and written again, NULL when it was refused. */
#define REWRITE(Type, prefix)                                                \
    static DubJson *rewrite_##prefix(const DubJson *payload, GError **error) \
    {                                                                        \
        g_autoptr(Type) message = dub_##prefix##_parse(payload, error);      \
        return message ? dub_##prefix##_to_json(message) : NULL;             \
    }
REWRITE(DubStreamInit, stream_init)
REWRITE(DubFragmentData, fragment_data)
REWRITE(DubFragmentReceipt, fragment_receipt)
REWRITE(DubStreamControl, stream_control)
REWRITE(DubErrorSimulation, error_simulation)
REWRITE(DubStreamReady, stream_ready)
REWRITE(DubFragmentAck, fragment_ack)
REWRITE(DubFragmentProcessed, fragment_processed)
REWRITE(DubBackpressure, backpressure)
REWRITE(DubStreamComplete, stream_complete)
REWRITE(DubErrorEvent, error_event)
REWRITE(DubErrorSimulationAck, error_simulation_ack)
REWRITE(DubDisconnectSimulation, disconnect_simulation)
REWRITE(DubDisconnectAck, disconnect_ack)

static DubJson *(*const rewriters[])(const DubJson *, GError **) = {
    rewrite_stream_init,           rewrite_fragment_data,   rewrite_fragment_receipt, rewrite_stream_control,
    rewrite_error_simulation,      rewrite_stream_ready,    rewrite_fragment_ack,     rewrite_fragment_processed,
    rewrite_backpressure,          rewrite_stream_complete, rewrite_error_event,      rewrite_error_simulation_ack,
    rewrite_disconnect_simulation, rewrite_disconnect_ack,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* Letters, so that a corpus can be read: a is stream:init. */
    DubJson *(*rewrite)(const DubJson *, GError **) = rewriters[(data[0] - 'a') % G_N_ELEMENTS(rewriters)];
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) payload = json_loadb((const char *) data + 1, size - 1, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    g_autoptr(DubJson) first = rewrite(payload, &error);
    g_assert_true(!first == (error != NULL));
    if (!first)
        return 0;
    g_autoptr(DubJson) second = rewrite(first, &error);
    g_assert_no_error(error);
    g_assert_true(json_equal(first, second));
    return 0;
}
