/* base/error.h: the one GError domain of the product, and the exit status each code means.
 * Any thread. A message says what went wrong and, where there is one, the cure; it carries no
 * trailing full stop, so that callers can prefix it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define DUB_ERROR (dub_error_quark())

typedef enum {
    DUB_ERROR_FAILED,           /* nothing more exact is known */
    DUB_ERROR_INVALID_ARGUMENT, /* what the user or peer asked for makes no sense; the message names the field */
    DUB_ERROR_NOT_FOUND,        /* no such file, path, stream, voice */
    DUB_ERROR_UNSUPPORTED,      /* a codec, container or language that nothing here handles */
    DUB_ERROR_NO_AUDIO,         /* "audio track required for dubbing" */
    DUB_ERROR_CORRUPT,          /* input that cannot be decoded */
    DUB_ERROR_BUSY,             /* port or path in use */
    DUB_ERROR_NO_SPACE,         /* disk full */
    DUB_ERROR_IO,               /* any other read or write failure on a file */
    DUB_ERROR_NETWORK,          /* connect, resolve, reset, closed by the peer */
    DUB_ERROR_TIMEOUT,          /* a bounded wait ran out */
    DUB_ERROR_CANCELLED,        /* asked to stop: Ctrl-C, shutdown */
    DUB_ERROR_ENGINE,           /* an ASR, MT or TTS engine failed or is missing */
    DUB_ERROR_PROTOCOL,         /* a peer broke the protocol */
    DUB_ERROR_BACKPRESSURE,     /* a bound is reached; try again later */
    DUB_ERROR_AUTH,             /* the peer refused our credentials, or we theirs */
    DUB_ERROR_STALLED,          /* a live source sends nothing any more */
    DUB_N_ERRORS,
} DubErrorCode;

GQuark dub_error_quark(void);

/**
 * dub_error_exit_status:
 * Returns: the exit status of a program that ends because of @error (table in airdub(1)); 1 for a
 * foreign domain, 0 for NULL.
 */
int dub_error_exit_status(const GError *error);

/**
 * dub_error_from_errno:
 * @errnum: an errno value; ENOSPC and EDQUOT become %DUB_ERROR_NO_SPACE, and so on
 * Returns: (transfer full): "<what>: <strerror>"; for a full disk the message says to free space
 */
GError *dub_error_from_errno(int errnum, const char *what);

/* errno, just set: "cannot VERB PATH: …", as dub_error_from_errno(). Returns: false */
bool dub_error_fail_errno(GError **error, const char *verb, const char *path);

/**
 * dub_error_missing_folder:
 * Looks at the disk. @path: of a file that is not there, or cannot be made
 * Returns: (transfer full) (nullable): which part of it is to blame: "there is no folder /films/2024", "/films is a
 * file, not a folder"; NULL where its folder is there
 */
char *dub_error_missing_folder(const char *path);
