/* SPDX-License-Identifier: MIT
 * What a server says in its OPEN packet: refused, or every member within what the client counts on. */
#include "engineio/packet.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) text = g_bytes_new(data, size);
    g_autoptr(EioHandshake) handshake = eio_handshake_parse(text, &error);
    g_assert_true(!handshake == (error != NULL));
    if (!handshake)
        return 0;
    const gsize n = strlen(handshake->sid);
    g_assert_true(n >= 1 && n <= 256);
    g_assert_true(handshake->ping_interval_ms >= 1 && handshake->ping_interval_ms <= G_MAXINT);
    g_assert_true(handshake->ping_timeout_ms >= 1 && handshake->ping_timeout_ms <= G_MAXINT);
    return 0;
}
