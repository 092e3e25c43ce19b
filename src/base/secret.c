/* base/secret.c: comparing digests, which are of one length whatever was sent. */
#include "base/secret.h"

#include "base/log.h"

#include <string.h>
#include <unistd.h>

char *dub_secret_draw(void)
{
    guint32 drawn[2] = { g_random_int(), g_random_int() };
    if (getentropy(drawn, sizeof drawn) != 0)
        dub_debug("no entropy from the kernel: a secret is drawn by a lesser generator");
    return g_strdup_printf("%08x%08x", drawn[0], drawn[1]);
}

bool dub_secret_is(const char *sent, const char *wanted)
{
    if (!sent || strlen(sent) > DUB_SECRET_MOST_BYTES)
        return false;
    g_autofree char *x = g_compute_checksum_for_string(G_CHECKSUM_SHA256, sent, -1);
    g_autofree char *y = g_compute_checksum_for_string(G_CHECKSUM_SHA256, wanted, -1);
    unsigned differences = 0;
    for (gsize i = 0; x[i] && y[i]; i++)
        differences |= (unsigned) (x[i] ^ y[i]);
    return differences == 0;
}
