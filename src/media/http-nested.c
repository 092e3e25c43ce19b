/* media/http-nested.c: libavformat's io_open and io_close2, and AES-128 as HLS has it: CBC, with PKCS #7 behind the
 * last block. */
#include "media/http-nested.h"

#include "base/error.h"
#include "base/log.h"

#include <libavutil/aes.h>
#include <libavutil/avstring.h>
#include <libavutil/mem.h>
#include <stdlib.h>
#include <string.h>

#define RETRIES     2 /* of what is worth it: a live playlist is asked for again and again */
#define PAUSE_MS    500
#define BLOCK_BYTES 16
#define KEY_BITS    128

struct _DubHttpNested {
    DubHttpAccess *access;
    char *name;
    GCancellable *cancellable;
    GError *error;
    bool is_broken;
};

/* --- AES-128 ----------------------------------------------------------------------------------------------------- */

typedef struct {
    DubInput base;
    DubInput *inner; /* what is encrypted; owned */
    struct AVAES *aes;
    uint8_t iv[BLOCK_BYTES];
    uint8_t bytes[DUB_INPUT_BUFFER_BYTES]; /* encrypted, not yet given */
    int n_bytes;
} CipherInput;

/* The last block may be padding, so it waits until something follows, or the end. */
static int give_blocks(CipherInput *self, uint8_t *data, int size, bool is_end)
{
    const int n_whole = self->n_bytes / BLOCK_BYTES;
    const int n_blocks = MIN(is_end ? n_whole : n_whole - 1, size / BLOCK_BYTES);
    if (n_blocks <= 0)
        return 0;
    av_aes_crypt(self->aes, data, self->bytes, n_blocks, self->iv, 1);
    int n_given = n_blocks * BLOCK_BYTES;
    self->n_bytes -= n_given;
    memmove(self->bytes, self->bytes + n_given, (size_t) self->n_bytes);
    const uint8_t padding = data[n_given - 1];
    if (is_end && self->n_bytes < BLOCK_BYTES && padding <= BLOCK_BYTES)
        n_given -= padding;
    return n_given;
}

static int read_decrypted(void *opaque, uint8_t *data, int size)
{
    CipherInput *self = opaque;
    AVIOContext *io = dub_input_io(self->inner);
    for (;;) {
        const int status = avio_read(io, self->bytes + self->n_bytes, (int) sizeof self->bytes - self->n_bytes);
        self->n_bytes += MAX(status, 0);
        if (status < 0 && status != AVERROR_EOF)
            return status;
        const int n_given = give_blocks(self, data, size, avio_feof(io) && !io->error);
        if (n_given > 0)
            return n_given;
        if (status <= 0)
            return AVERROR_EOF;
    }
}

static void free_cipher(DubInput *input)
{
    CipherInput *self = (CipherInput *) input;
    dub_input_close(self->inner);
    av_free(self->aes);
    g_free(self);
}

static const DubInputClass cipher_class = { read_decrypted, NULL, free_cipher };

static bool parse_hex(const AVDictionary *options, const char *key, uint8_t *bytes)
{
    const AVDictionaryEntry *entry = av_dict_get(options, key, NULL, 0);
    if (!entry || strlen(entry->value) != 2 * BLOCK_BYTES)
        return false;
    for (int i = 0; i < BLOCK_BYTES; i++) {
        const int high = g_ascii_xdigit_value(entry->value[2 * i]), low = g_ascii_xdigit_value(entry->value[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t) (high << 4 | low);
    }
    return true;
}

/* @inner: (transfer full). Returns: NULL where the key is none */
static DubInput *decrypt(DubInput *inner, const AVDictionary *options)
{
    uint8_t key[BLOCK_BYTES];
    CipherInput *self = g_new0(CipherInput, 1);
    self->base.size = -1;
    self->inner = inner;
    self->aes = av_aes_alloc();
    if (!parse_hex(options, "key", key) || !parse_hex(options, "iv", self->iv) || !self->aes ||
        av_aes_init(self->aes, key, KEY_BITS, 1) < 0) {
        free_cipher(&self->base);
        return NULL;
    }
    dub_input_init(&self->base, &cipher_class);
    return &self->base;
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

static GError *refusal(const DubHttpNested *self, const char *url)
{
    g_autofree char *scheme = g_uri_parse_scheme(url);
    return g_error_new(DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                       "%s: its playlist names %s%s; one from a server may name only http:// and https://", self->name,
                       scheme ? scheme : "a file", scheme ? ":" : "");
}

/* Also for a server that is restarted, or busy for a moment. */
static bool pauses(DubHttpNested *self)
{
    GPollFD polled;
    if (g_cancellable_make_pollfd(self->cancellable, &polled)) {
        g_poll(&polled, 1, PAUSE_MS);
        g_cancellable_release_fd(self->cancellable);
    }
    return !g_cancellable_is_cancelled(self->cancellable);
}

static int64_t number_of(const AVDictionary *options, const char *key, int64_t otherwise)
{
    const AVDictionaryEntry *entry = av_dict_get(options, key, NULL, 0);
    return entry ? g_ascii_strtoll(entry->value, NULL, 10) : otherwise;
}

static DubInput *open_http(DubHttpNested *self, const char *url, const AVDictionary *options, GError **error)
{
    const int64_t first = number_of(options, "offset", 0), end = number_of(options, "end_offset", -1);
    for (int i = 0;; i++) {
        g_autoptr(GError) problem = NULL;
        DubInput *input = dub_http_input_open(self->access, url, MAX(first, 0), end > first ? end : -1, &problem);
        if (input)
            return input;
        const bool is_worth_it = g_error_matches(problem, DUB_ERROR, DUB_ERROR_NETWORK) ||
                                 g_error_matches(problem, DUB_ERROR, DUB_ERROR_TIMEOUT);
        if (i < RETRIES && is_worth_it && pauses(self))
            continue;
        g_propagate_error(error, g_steal_pointer(&problem));
        return NULL;
    }
}

static DubInput *open_nested(DubHttpNested *self, const char *url, const AVDictionary *options, GError **error)
{
    const char *inner = url;
    const bool is_encrypted = av_strstart(url, "crypto+", &inner);
    if (!dub_http_input_is_url(inner)) {
        g_propagate_error(error, refusal(self, inner));
        return NULL;
    }
    DubInput *input = open_http(self, inner, options, error);
    if (input && is_encrypted)
        input = decrypt(input, options);
    if (!input && error && !*error)
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: the key of its encryption is none", self->name);
    return input;
}

static int note_failure(DubHttpNested *self, GError *error)
{
    const bool is_cancelled = g_error_matches(error, DUB_ERROR, DUB_ERROR_CANCELLED);
    if (self->is_broken) { /* of several in a row the first tells why */
        g_error_free(error);
        return is_cancelled ? AVERROR_EXIT : AVERROR(EIO);
    }
    if (!is_cancelled)
        dub_warning("%s: a part of it cannot be read: %s", self->name, error->message);
    self->is_broken = true;
    g_clear_error(&self->error);
    self->error = error;
    return is_cancelled ? AVERROR_EXIT : AVERROR(EIO);
}

static int on_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options)
{
    DubHttpNested *self = format->opaque;
    GError *error = NULL;
    if (!self || flags & AVIO_FLAG_WRITE) /* a context that libavformat made for itself */
        return AVERROR(EPERM);
    DubInput *input = open_nested(self, url, options ? *options : NULL, &error);
    if (!input)
        return note_failure(self, error);
    self->is_broken = false;
    *io = dub_input_io(input);
    return 0;
}

static int on_close(AVFormatContext *format, AVIOContext *io)
{
    (void) format;
    dub_input_close(io->opaque);
    return 0;
}

DubHttpNested *dub_http_nested_new(DubHttpAccess *access, const char *name, GCancellable *cancellable,
                                   AVFormatContext *format)
{
    DubHttpNested *self = g_new0(DubHttpNested, 1);
    self->access = access;
    self->name = g_strdup(name);
    self->cancellable = g_object_ref(cancellable);
    format->opaque = self;
    format->io_open = on_open;
    format->io_close2 = on_close;
    format->protocol_whitelist = av_strdup("none");
    return self;
}

void dub_http_nested_free(DubHttpNested *self)
{
    if (!self)
        return;
    g_clear_error(&self->error);
    g_object_unref(self->cancellable);
    g_free(self->name);
    g_free(self);
}

bool dub_http_nested_is_broken(const DubHttpNested *self)
{
    return self->is_broken;
}

GError *dub_http_nested_steal_error(DubHttpNested *self)
{
    return g_steal_pointer(&self->error);
}

void dub_http_nested_forget_error(DubHttpNested *self)
{
    g_clear_error(&self->error);
    self->is_broken = false;
}
