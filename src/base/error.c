/* base/error.c: error domain, exit statuses, errno translation. */
#include "base/error.h"

#include <errno.h>

/* Not G_DEFINE_QUARK: its cache is written without a lock by whichever threads fail first. */
GQuark dub_error_quark(void)
{
    return g_quark_from_static_string("dub-error-quark");
}

/* Documented in docs/man/airdub.1; scripts rely on them, so a number never changes its meaning. */
static const int exit_status[DUB_N_ERRORS] = {
    [DUB_ERROR_FAILED] = 1,      [DUB_ERROR_INVALID_ARGUMENT] = 2, [DUB_ERROR_NOT_FOUND] = 3,
    [DUB_ERROR_UNSUPPORTED] = 4, [DUB_ERROR_NO_AUDIO] = 5,         [DUB_ERROR_CORRUPT] = 6,
    [DUB_ERROR_BUSY] = 7,        [DUB_ERROR_NO_SPACE] = 8,         [DUB_ERROR_IO] = 9,
    [DUB_ERROR_NETWORK] = 10,    [DUB_ERROR_TIMEOUT] = 11,         [DUB_ERROR_ENGINE] = 12,
    [DUB_ERROR_PROTOCOL] = 13,   [DUB_ERROR_BACKPRESSURE] = 14,    [DUB_ERROR_AUTH] = 15,
    [DUB_ERROR_STALLED] = 16,    [DUB_ERROR_CANCELLED] = 130, /* what a shell reports for SIGINT */
};

int dub_error_exit_status(const GError *error)
{
    if (!error)
        return 0;
    if (error->domain != DUB_ERROR || error->code < 0 || error->code >= DUB_N_ERRORS)
        return 1;
    return exit_status[error->code];
}

static DubErrorCode code_from_errno(int errnum)
{
    switch (errnum) {
    case ENOENT: return DUB_ERROR_NOT_FOUND;
    case ENOSPC:
    case EDQUOT: return DUB_ERROR_NO_SPACE;
    case EADDRINUSE: return DUB_ERROR_BUSY;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPIPE: return DUB_ERROR_NETWORK;
    case ETIMEDOUT: return DUB_ERROR_TIMEOUT;
    case ECANCELED: return DUB_ERROR_CANCELLED;
    case EINVAL: return DUB_ERROR_INVALID_ARGUMENT;
    default: return DUB_ERROR_IO;
    }
}

GError *dub_error_from_errno(int errnum, const char *what)
{
    const DubErrorCode code = code_from_errno(errnum);
    const char *cure = code == DUB_ERROR_NO_SPACE ? "; free some space and try again" : "";
    return g_error_new(DUB_ERROR, code, "%s: %s%s", what, g_strerror(errnum), cure);
}

bool dub_error_fail_errno(GError **error, const char *verb, const char *path)
{
    const int errnum = errno;
    g_autofree char *what = g_strdup_printf("cannot %s %s", verb, path);
    g_propagate_error(error, dub_error_from_errno(errnum, what));
    return false;
}

char *dub_error_missing_folder(const char *path)
{
    g_autofree char *missing = g_path_get_dirname(path);
    if (g_file_test(missing, G_FILE_TEST_IS_DIR))
        return NULL;
    for (;;) {
        g_autofree char *parent = g_path_get_dirname(missing);
        if (g_file_test(missing, G_FILE_TEST_EXISTS))
            return g_strdup_printf("%s is a file, not a folder", missing);
        if (g_str_equal(parent, missing) || g_file_test(parent, G_FILE_TEST_IS_DIR))
            return g_strdup_printf("there is no folder %s", missing);
        g_free(missing);
        missing = g_steal_pointer(&parent);
    }
}
