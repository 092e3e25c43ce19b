/* engines/program.c: the life of an engine program, and one question after the other.
 * Nothing here waits for one of its pipes alone: the program's output and its standard error are read while
 * our question is still on its way, so a program that reads late, or not at all, costs its deadline and
 * blocks nobody. */
#include "engines/program.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "engines/child.h"
#include "engines/program-log.h"
#include "engines/program-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MOST_MS 600000 /* where there is no deadline: nobody waits for ever */
#define LAST_WORDS_MS  200    /* a program that has stopped reading may still say why, and end */
#define RETRY_MOST_MS  500    /* what fails as soon as it is asked may have gone wrong before */
#define READ_BYTES     65536

struct _DubProgram {
    char **argv, **environment;
    char *name;        /* for the log */
    pid_t pid;         /* 0: not running */
    pid_t dying;       /* was killed, and is not waited for yet; 0: none */
    int in, out, err;  /* its standard streams, ours to close; -1 */
    int64_t start_ns;  /* when it was started */
    unsigned start_ms; /* it may take to say hello */
    json_t *hello;     /* of the last start that came so far; NULL: never */
    bool ready;        /* this process has said hello */
    bool proven;       /* … and has answered */
    DubProgramLog *log;
    int64_t last_id;
};

typedef struct {
    const guint8 *bytes; /* what is still to be sent */
    gsize n_bytes;
    DubProgramReader *reader;
    int64_t deadline_ns;
    GCancellable *cancellable;
} Exchange;

static void say(const char *line, void *user_data)
{
    const DubProgram *self = user_data;
    dub_info("%s: %s", self->name, line);
}

/* ── Its life ── */

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* @ours, @its: two ends of each stream. Its input is a socket: send() can be told not to raise SIGPIPE. */
static bool make_streams(int ours[3], int its[3], GError **error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        goto fail;
    ours[0] = ends[0];
    its[0] = ends[1];
    for (int i = 1; i < 3; i++) {
        if (pipe2(ends, O_CLOEXEC) < 0)
            goto fail;
        ours[i] = ends[0];
        its[i] = ends[1];
        if (fcntl(ours[i], F_SETFL, O_NONBLOCK) < 0)
            goto fail;
    }
    return true;
fail:
    g_propagate_error(error, dub_error_from_errno(errno, "pipe"));
    return false;
}

static bool start(DubProgram *self, GError **error)
{
    int ours[3] = { -1, -1, -1 }, its[3] = { -1, -1, -1 };
    pid_t pid = -1;
    if (make_streams(ours, its, error))
        pid = dub_child_start((const char *const *) self->argv, (const char *const *) self->environment, its[0], its[1],
                              its[2], error);
    for (int i = 0; i < 3; i++) {
        close_end(&its[i]);
        if (pid < 0)
            close_end(&ours[i]);
    }
    if (pid < 0)
        return false;
    self->pid = pid;
    self->in = ours[0];
    self->out = ours[1];
    self->err = ours[2];
    self->start_ns = dub_clock_now();
    self->ready = self->proven = false;
    return true;
}

static void read_log(DubProgram *self)
{
    char bytes[4096];
    ssize_t got = self->err >= 0 ? read(self->err, bytes, sizeof bytes) : -1;
    if (got > 0)
        dub_program_log_feed(self->log, bytes, (gsize) got);
    else if (self->err >= 0 && (got == 0 || (errno != EAGAIN && errno != EINTR)))
        close_end(&self->err);
}

/* What lies in its pipe: bounded, since it may go on writing. */
static void read_last_log(DubProgram *self)
{
    for (int i = 0; i < 32 && self->err >= 0; i++)
        read_log(self);
    dub_program_log_end(self->log);
}

/* Half a gigabyte of memory takes a quarter of a second to go on a busy machine: nobody waits for that, but
 * at most one process is on its way out. */
static void reap(DubProgram *self, bool block)
{
    if (self->dying && dub_child_wait(self->dying, block))
        self->dying = 0;
}

static void end(DubProgram *self)
{
    if (self->pid == 0)
        return;
    reap(self, true);
    dub_child_kill(self->pid);
    self->dying = self->pid;
    self->pid = 0;
    self->ready = false;
    read_last_log(self);
    close_end(&self->in);
    close_end(&self->out);
    close_end(&self->err);
}

static int64_t cpu_ns(const DubProgram *self)
{
    return self->pid ? dub_clock_child_cpu(self->pid) : 0;
}

/* ── What went wrong ── */

static bool fail(GError **error, const char *message)
{
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, message);
    return false;
}

/* A process closes its pipes a moment before it can be waited for. */
static void wait_for_end(pid_t pid)
{
    const int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return; /* an old kernel: its status may be missed */
    struct pollfd ended = { .fd = fd, .events = POLLIN };
    while (poll(&ended, 1, LAST_WORDS_MS) < 0 && errno == EINTR)
        ;
    close(fd);
}

/* (transfer full): how it ended; it is not waited for yet */
static char *describe_end(const DubProgram *self)
{
    siginfo_t info = { .si_pid = 0 };
    wait_for_end(self->pid);
    if (waitid(P_PID, (id_t) self->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return g_strdup("closed its output");
    if (info.si_code == CLD_EXITED)
        return g_strdup_printf("ended with status %d", info.si_status);
    return g_strdup_printf("was ended by signal %d (%s)", info.si_status, strsignal(info.si_status));
}

static bool fail_ended(DubProgram *self, GError **error)
{
    g_autofree char *how = describe_end(self);
    read_last_log(self);
    const char *words = dub_program_log_last(self->log);
    g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "it %s%s%s", how, *words ? ": " : "", words);
    return false;
}

/* ── One question and its answer ── */

/* Returns: false with an error: nobody wants to wait any longer. */
static bool check_wanted(const Exchange *exchange, int64_t now_ns, GError **error)
{
    if (g_cancellable_is_cancelled(exchange->cancellable))
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CANCELLED, "the work was cancelled");
    else if (now_ns >= exchange->deadline_ns)
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_TIMEOUT, "it did not answer in time");
    else
        return true;
    return false;
}

static void send_more(const DubProgram *self, Exchange *exchange)
{
    const ssize_t sent = send(self->in, exchange->bytes, exchange->n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
        exchange->bytes += sent;
        exchange->n_bytes -= (gsize) sent;
    } else if (errno != EAGAIN && errno != EINTR) { /* it reads no more: it may have ended, and its output says so */
        exchange->n_bytes = 0;
        exchange->deadline_ns = MIN(exchange->deadline_ns, dub_clock_now() + LAST_WORDS_MS * DUB_NS_PER_MS);
    }
}

static bool read_more(DubProgram *self, const Exchange *exchange, GError **error)
{
    g_autofree guint8 *bytes = g_malloc(READ_BYTES);
    const ssize_t got = read(self->out, bytes, READ_BYTES);
    if (got > 0)
        return dub_program_reader_feed(exchange->reader, bytes, (gsize) got, error);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    return fail_ended(self, error);
}

static bool is_over(const Exchange *exchange)
{
    return exchange->n_bytes == 0 && dub_program_reader_is_whole(exchange->reader);
}

/* @cancel_fd: of the exchange's cancellable, or -1 */
static bool step(DubProgram *self, Exchange *exchange, int cancel_fd, GError **error)
{
    const int64_t now_ns = dub_clock_now();
    if (!check_wanted(exchange, now_ns, error))
        return false;
    struct pollfd fds[] = {
        { .fd = exchange->n_bytes > 0 ? self->in : -1, .events = POLLOUT },
        { .fd = dub_program_reader_is_whole(exchange->reader) ? -1 : self->out, .events = POLLIN },
        { .fd = self->err, .events = POLLIN },
        { .fd = cancel_fd, .events = POLLIN },
    };
    const int64_t left_ms = (exchange->deadline_ns - now_ns) / DUB_NS_PER_MS + 1;
    if (poll(fds, G_N_ELEMENTS(fds), (int) MIN(left_ms, G_MAXINT)) < 0 && errno != EINTR) {
        g_propagate_error(error, dub_error_from_errno(errno, "poll"));
        return false;
    }
    if (fds[2].revents)
        read_log(self);
    if (fds[0].revents)
        send_more(self, exchange);
    return !fds[1].revents || read_more(self, exchange, error);
}

static bool run_exchange(DubProgram *self, Exchange *exchange, GError **error)
{
    bool good = true;
    const int cancel_fd = exchange->cancellable ? g_cancellable_get_fd(exchange->cancellable) : -1;
    while (good && !is_over(exchange))
        good = step(self, exchange, cancel_fd, error);
    if (cancel_fd >= 0)
        g_cancellable_release_fd(exchange->cancellable);
    dub_program_log_flush(self->log);
    return good;
}

/* ── Starting ── */

/* (transfer full): a program's words as they fit into an error: one line, and not endless */
static char *quote(const char *words)
{
    g_autoptr(GString) line = g_string_new(NULL);
    for (const char *c = words; *c && line->len < DUB_PROGRAM_LOG_LINE_MOST_BYTES; c = g_utf8_next_char(c)) {
        const gunichar letter = g_utf8_get_char(c); /* valid: it comes from JSON */
        g_string_append_unichar(line, g_unichar_iscntrl(letter) ? ' ' : letter);
    }
    return g_strdup(g_strstrip(line->str));
}

static bool check_hello(const json_t *message, GError **error)
{
    const char *refusal = json_string_value(json_object_get(message, "error"));
    if (json_is_true(json_object_get(message, "ready")))
        return true;
    if (!refusal)
        return fail(error, "its first line says neither that it is ready nor what is wrong");
    g_autofree char *quoted = quote(refusal);
    return fail(error, quoted);
}

/* A program that is not ready in the time its caller has goes on loading: the next may find it ready. */
static bool is_loading(const DubProgram *self, const GError *failure)
{
    const bool in_time = dub_clock_now() - self->start_ns < self->start_ms * DUB_NS_PER_MS;
    return g_error_matches(failure, DUB_ERROR, DUB_ERROR_CANCELLED) ||
           (in_time && g_error_matches(failure, DUB_ERROR, DUB_ERROR_TIMEOUT));
}

static bool await_hello(DubProgram *self, int64_t deadline_ns, GCancellable *cancellable, GError **error)
{
    g_autoptr(DubProgramReader) reader = dub_program_reader_new();
    g_autoptr(GError) failure = NULL;
    Exchange exchange = {
        .reader = reader,
        .deadline_ns = MIN(deadline_ns, self->start_ns + self->start_ms * DUB_NS_PER_MS),
        .cancellable = cancellable,
    };
    if (run_exchange(self, &exchange, &failure) && check_hello(dub_program_reader_message(reader), &failure)) {
        json_decref(self->hello);
        self->hello = json_incref((json_t *) dub_program_reader_message(reader));
        self->ready = true;
        return true;
    }
    if (is_loading(self, failure)) {
        g_propagate_prefixed_error(error, g_steal_pointer(&failure), "it is still being loaded: ");
        return false;
    }
    end(self);
    if (g_error_matches(failure, DUB_ERROR, DUB_ERROR_TIMEOUT))
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "it was not ready within %u ms", self->start_ms);
    else
        g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* Between two pieces a program has nothing to say. */
static bool is_quiet(const DubProgram *self)
{
    struct pollfd out = { .fd = self->out, .events = POLLIN };
    return poll(&out, 1, 0) == 0;
}

static bool make_ready(DubProgram *self, int64_t deadline_ns, GCancellable *cancellable, GError **error)
{
    reap(self, false);
    if (self->ready && !is_quiet(self)) {
        dub_warning("%s: it ended, or spoke unasked, while it had nothing to do; it is started again", self->name);
        end(self);
    }
    if (self->pid == 0 && !start(self, error))
        return false;
    return self->ready || await_hello(self, deadline_ns, cancellable, error);
}

/* Its model is read while the next piece is still on its way here. */
static void start_over(DubProgram *self)
{
    g_autoptr(GError) problem = NULL;
    end(self);
    if (!start(self, &problem)) /* tried again when it is needed */
        dub_warning("%s: %s", self->name, problem->message);
}

/* ── Public ── */

DubProgram *dub_program_start_within(const char *const *argv, const char *const *environment, unsigned start_ms,
                                     GError **error)
{
    g_return_val_if_fail(argv && argv[0], NULL);

    g_autoptr(DubProgram) self = g_new0(DubProgram, 1);
    self->argv = g_strdupv((char **) argv);
    self->environment = g_strdupv((char **) environment);
    self->name = g_path_get_basename(argv[0]);
    self->in = self->out = self->err = -1;
    self->start_ms = start_ms;
    self->log = dub_program_log_new(say, self);
    if (start(self, error) && await_hello(self, G_MAXINT64, NULL, error))
        return g_steal_pointer(&self);
    g_prefix_error(error, "%s: ", self->name);
    return NULL;
}

DubProgram *dub_program_start(const char *const *argv, const char *const *environment, GError **error)
{
    return dub_program_start_within(argv, environment, DUB_PROGRAM_START_MS, error);
}

void dub_program_stop(DubProgram *self)
{
    if (!self)
        return;
    end(self);
    reap(self, true);
    dub_program_log_free(self->log);
    json_decref(self->hello);
    g_strfreev(self->argv);
    g_strfreev(self->environment);
    g_free(self->name);
    g_free(self);
}

const json_t *dub_program_hello(const DubProgram *self)
{
    return self->hello;
}

/* The protocol's 16 bit samples. */
static void append_sound(GByteArray *bytes, const DubPcm *sound)
{
    const guint first = bytes->len;
    g_byte_array_set_size(bytes, first + (guint) (sound->n_frames * sizeof(gint16)));
    for (gsize i = 0; i < sound->n_frames; i++) {
        const float scaled = CLAMP(sound->samples[i] * 32768.0f, -32768.0f, 32767.0f);
        const gint16 sample = GINT16_TO_LE((gint16) (scaled + (scaled < 0 ? -0.5f : 0.5f)));
        memcpy(bytes->data + first + i * sizeof sample, &sample, sizeof sample);
    }
}

static DubPcm *read_sound(const GByteArray *bytes, unsigned rate_hz)
{
    DubPcm *pcm = dub_pcm_new(rate_hz, 1, bytes->len / sizeof(gint16));
    for (gsize i = 0; i < pcm->n_frames; i++) {
        gint16 sample;
        memcpy(&sample, bytes->data + i * sizeof sample, sizeof sample);
        pcm->samples[i] = (float) GINT16_FROM_LE(sample) / 32768.0f;
    }
    return pcm;
}

static GByteArray *to_bytes(DubProgram *self, json_t *message, const DubPcm *sound, int64_t deadline_ns)
{
    const int64_t left_ms = deadline_ns ? MAX((deadline_ns - dub_clock_now()) / DUB_NS_PER_MS, 1) : 0;
    json_object_set_new(message, "id", json_integer(++self->last_id));
    json_object_set_new(message, "deadline_ms", json_integer(left_ms));
    if (sound)
        json_object_set_new(message, "bytes", json_integer((json_int_t) (sound->n_frames * sizeof(gint16))));
    g_autofree char *text = dub_json_to_text(message);
    GByteArray *bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const guint8 *) text, (guint) strlen(text));
    g_byte_array_append(bytes, (const guint8 *) "\n", 1);
    if (sound)
        append_sound(bytes, sound);
    return bytes;
}

/* A reply that this protocol allows; otherwise nothing that the program says can be trusted to belong to its
 * question. */
static bool check_reply(const DubProgram *self, const DubProgramReader *reader, int64_t *rate_hz, GError **error)
{
    const json_t *message = dub_program_reader_message(reader);
    int64_t id = 0;
    g_autoptr(GError) problem = NULL;
    if (!dub_json_get_int(message, "id", DUB_JSON_REQUIRED, 0, G_MAXINT64, &id, &problem) || id != self->last_id)
        return fail(error, "its reply has not the id of the question");
    const bool sounds = dub_program_reader_sound(reader)->len > 0;
    if (dub_json_get_int(message, "rate_hz", sounds ? DUB_JSON_REQUIRED : DUB_JSON_OPTIONAL, 8000, 192000, rate_hz,
                         &problem))
        return true;
    return fail(error, problem->message);
}

static const struct {
    const char *name;
    DubErrorCode code;
} codes[] = {
    { "UNSUPPORTED", DUB_ERROR_UNSUPPORTED }, { "INVALID_ARGUMENT", DUB_ERROR_INVALID_ARGUMENT },
    { "RATE_LIMIT", DUB_ERROR_BACKPRESSURE }, { "AUTH", DUB_ERROR_AUTH },
    { "NETWORK", DUB_ERROR_NETWORK },
};

/* It answered that it cannot do it: the program itself is well. */
static bool check_refusal(const json_t *message, GError **error)
{
    const json_t *refusal = json_object_get(message, "error");
    if (!refusal || json_is_null(refusal))
        return true;
    const char *name = json_string_value(json_object_get(message, "code"));
    DubErrorCode code = DUB_ERROR_ENGINE;
    for (gsize i = 0; name && i < G_N_ELEMENTS(codes); i++)
        if (g_str_equal(name, codes[i].name))
            code = codes[i].code;
    const char *words = json_string_value(refusal);
    g_autofree char *quoted = quote(words ? words : "it refused");
    g_set_error_literal(error, DUB_ERROR, code, quoted);
    return false;
}

/* One question as it goes along. */
typedef struct {
    json_t *message;
    const DubPcm *sound;
    int64_t deadline_ns, until_ns;
    GCancellable *cancellable;
    DubProgramReader *reader;
    int64_t used_ns, rate_hz;
} Question;

static bool ask_once(DubProgram *self, Question *question, GError **error)
{
    g_autoptr(GByteArray) bytes = to_bytes(self, question->message, question->sound, question->deadline_ns);
    const int64_t before_ns = cpu_ns(self);
    Exchange exchange = {
        .bytes = bytes->data,
        .n_bytes = bytes->len,
        .reader = question->reader,
        .deadline_ns = question->until_ns,
        .cancellable = question->cancellable,
    };
    const bool good =
        run_exchange(self, &exchange, error) && check_reply(self, question->reader, &question->rate_hz, error);
    question->used_ns += MAX(cpu_ns(self) - before_ns, 0);
    self->proven |= good;
    return good;
}

/* A program may end, or go on talking, just after its last reply: that is noticed when the next question is
 * on its way, which is none the worse for being asked again. */
static bool may_ask_again(const DubProgram *self, int64_t asked_ns, const GError *failure)
{
    return self->proven && g_error_matches(failure, DUB_ERROR, DUB_ERROR_ENGINE) &&
           dub_clock_now() - asked_ns < RETRY_MOST_MS * DUB_NS_PER_MS;
}

static bool ask(DubProgram *self, Question *question, GError **error)
{
    for (bool again = true; again;) {
        g_autoptr(GError) failure = NULL;
        if (!make_ready(self, question->until_ns, question->cancellable, error))
            return false;
        const int64_t asked_ns = dub_clock_now();
        if (ask_once(self, question, &failure))
            return check_refusal(dub_program_reader_message(question->reader), error);
        again = may_ask_again(self, asked_ns, failure);
        start_over(self);
        dub_program_reader_free(question->reader);
        question->reader = dub_program_reader_new();
        if (!again)
            g_propagate_error(error, g_steal_pointer(&failure));
    }
    return false;
}

bool dub_program_ask(DubProgram *self, json_t *message, const DubPcm *sound, int64_t deadline_ns,
                     GCancellable *cancellable, json_t **reply, DubPcm **reply_sound, int64_t *used_ns, GError **error)
{
    g_return_val_if_fail(self && json_is_object(message) && reply && reply_sound && used_ns, false);
    g_return_val_if_fail(!sound || sound->n_frames <= DUB_PROGRAM_SOUND_MOST_BYTES / sizeof(gint16), false);

    Question question = {
        .message = message,
        .sound = sound,
        .deadline_ns = deadline_ns,
        .until_ns = deadline_ns ? deadline_ns : dub_clock_now() + ANSWER_MOST_MS * DUB_NS_PER_MS,
        .cancellable = cancellable,
        .reader = dub_program_reader_new(),
        .rate_hz = 16000,
    };
    *reply = NULL;
    *reply_sound = NULL;
    const bool good = ask(self, &question, error);
    *used_ns = question.used_ns;
    if (good) {
        const GByteArray *bytes = dub_program_reader_sound(question.reader);
        *reply = json_incref((json_t *) dub_program_reader_message(question.reader));
        *reply_sound = bytes->len > 0 ? read_sound(bytes, (unsigned) question.rate_hz) : NULL;
    } else {
        g_prefix_error(error, "%s: ", self->name);
    }
    dub_program_reader_free(question.reader);
    return good;
}
