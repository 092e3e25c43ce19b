/* speech/project-rows.c: a project's rows into text and back. */
#include "base/clock.h"
#include "base/error.h"
#include "speech/project.h"

#include <math.h>
#include <string.h>

#define DIGITS     15 /* of a number: nanoseconds in ten days */
#define LONGEST_S  1e6
#define SPEECH_MAX 120 /* bytes of a file's name */

/* ── Writing ── */

char *dub_project_row_to_text(const DubJson *row)
{
    char *text = json_dumps(row, JSON_REAL_PRECISION(DIGITS));
    char *line = g_strconcat(text, "\n", NULL);
    free(text);
    return line;
}

static DubJson *seconds(int64_t time_ns)
{
    return json_real((double) time_ns / (double) DUB_NS_PER_S);
}

static DubJson *rounded(int64_t time_ns)
{
    return seconds((time_ns + DUB_NS_PER_MS / 2) / DUB_NS_PER_MS * DUB_NS_PER_MS);
}

static DubJson *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static void append_row(GString *out, DubJson *row /* (transfer full) */)
{
    g_autofree char *text = dub_project_row_to_text(row);
    g_string_append(out, text);
    json_decref(row);
}

/* What a person mends stands first. */
static DubJson *line_row(const DubProjectFragment *fragment, const DubProjectLine *self)
{
    const DubSpeechLine *line = &self->line;
    DubJson *row = json_object();
    json_object_set_new(row, "start", rounded(fragment->start_ns + line->start_ns));
    json_object_set_new(row, "end", rounded(fragment->start_ns + line->end_ns));
    json_object_set_new(row, "text", text_or_null(line->text));
    json_object_set_new(row, "translation", text_or_null(line->translation));
    json_object_set_new(row, "voice", text_or_null(line->voice));
    if (line->placed_ns >= 0) {
        DubJson *placed = json_array();
        json_array_append_new(placed, rounded(fragment->start_ns + line->placed_ns));
        json_array_append_new(placed, rounded(fragment->start_ns + line->placed_end_ns));
        json_object_set_new(row, "placed", placed);
    }
    if (self->made_from)
        json_object_set_new(row, "made_from", json_string(self->made_from));
    return row;
}

static DubJson *fragment_row(const DubProjectFragment *self)
{
    DubJson *row = json_object();
    json_object_set_new(row, "fragment", json_integer((json_int_t) self->index));
    json_object_set_new(row, "start", seconds(self->start_ns));
    json_object_set_new(row, "length", seconds(self->length_ns));
    json_object_set_new(row, "speech", text_or_null(self->speech));
    if (!self->speech)
        json_object_set_new(row, "silence", json_integer((json_int_t) self->speech_frames));
    json_object_set_new(row, "sound", json_string(self->sound));
    json_object_set_new(row, "made_from", json_string(self->made_from));
    json_object_set(row, "answer", self->answer);
    if (self->memory)
        json_object_set(row, "memory", self->memory);
    return row;
}

char *dub_project_fragment_to_text(const DubProjectFragment *self)
{
    GString *out = g_string_new(NULL);
    append_row(out, fragment_row(self));
    for (guint i = 0; i < self->lines->len; i++)
        append_row(out, line_row(self, g_ptr_array_index(self->lines, i)));
    return g_string_free(out, FALSE);
}

/* ── Reading ── */

/* While a file is read: a line is kept with the fragment it follows, so that both go where the fragment came again. */
typedef struct {
    DubProject *project;
    DubProjectFragment *last;
    GPtrArray *orphans; /* of DubProjectLine: before the first fragment */
    unsigned n_rows;
} Reader;

static bool get_time(const DubJson *row, const char *name, int64_t *time_ns, GError **error)
{
    double time_s;
    if (!dub_json_get_double(row, name, DUB_JSON_REQUIRED, &time_s, error))
        return false;
    if (!isfinite(time_s) || time_s < 0 || time_s > LONGEST_S) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: %g is no time in seconds", name, time_s);
        return false;
    }
    *time_ns = llround(time_s * (double) DUB_NS_PER_S);
    return true;
}

static bool get_text(const DubJson *row, const char *name, DubJsonNeed need, char **text, GError **error)
{
    const char *value = NULL;
    if (!dub_json_get_string(row, name, need, &value, error))
        return false;
    *text = g_strdup(value);
    return true;
}

/* A file beside the project, and none elsewhere. */
static bool check_speech(const char *name, GError **error)
{
    if (!name || (*name && *name != '.' && !strchr(name, '/') && strlen(name) <= SPEECH_MAX))
        return true;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "speech: it names no file of the project's folder");
    return false;
}

static bool read_fragment(Reader *self, const DubJson *row, GError **error)
{
    g_autoptr(DubProjectFragment) fragment = dub_project_fragment_new();
    int64_t index, silence = 0;
    const DubJson *answer = NULL, *memory = NULL;
    if (!dub_json_get_int(row, "fragment", DUB_JSON_REQUIRED, 0, G_MAXINT32, &index, error) ||
        !get_time(row, "start", &fragment->start_ns, error) || !get_time(row, "length", &fragment->length_ns, error) ||
        !get_text(row, "speech", DUB_JSON_OPTIONAL, &fragment->speech, error) ||
        !check_speech(fragment->speech, error) ||
        !dub_json_get_int(row, "silence", DUB_JSON_OPTIONAL, 0, G_MAXINT32, &silence, error) ||
        !get_text(row, "sound", DUB_JSON_REQUIRED, &fragment->sound, error) ||
        !get_text(row, "made_from", DUB_JSON_REQUIRED, &fragment->made_from, error) ||
        !dub_json_get_object(row, "answer", DUB_JSON_REQUIRED, &answer, error) ||
        !dub_json_get_object(row, "memory", DUB_JSON_OPTIONAL, &memory, error))
        return false;
    fragment->index = (uint64_t) index;
    fragment->speech_frames = (gsize) silence;
    fragment->answer = json_incref((DubJson *) answer);
    fragment->memory = memory ? json_incref((DubJson *) memory) : NULL;
    fragment->row = self->n_rows;
    self->last = fragment;
    g_ptr_array_add(self->project->fragments, g_steal_pointer(&fragment));
    return true;
}

static bool read_placed(const DubJson *row, DubSpeechLine *line, GError **error)
{
    const DubJson *placed = NULL;
    line->placed_ns = line->placed_end_ns = -1;
    if (!dub_json_get_array(row, "placed", DUB_JSON_OPTIONAL, &placed, error))
        return false;
    if (!placed)
        return true;
    const double from_s = json_number_value(json_array_get(placed, 0)),
                 to_s = json_number_value(json_array_get(placed, 1));
    if (json_array_size(placed) != 2 || !(from_s >= 0 && from_s <= to_s && to_s <= LONGEST_S)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT,
                            "placed: it holds two times in seconds, and may be left out");
        return false;
    }
    line->placed_ns = llround(from_s * (double) DUB_NS_PER_S);
    line->placed_end_ns = llround(to_s * (double) DUB_NS_PER_S);
    return true;
}

static bool fill_line(DubProjectLine *self, const DubJson *row, GError **error)
{
    DubSpeechLine *line = &self->line;
    if (!get_time(row, "start", &line->start_ns, error) || !get_time(row, "end", &line->end_ns, error) ||
        !get_text(row, "text", DUB_JSON_OPTIONAL, &line->text, error) ||
        !get_text(row, "translation", DUB_JSON_OPTIONAL, &line->translation, error) ||
        !get_text(row, "voice", DUB_JSON_OPTIONAL, &line->voice, error) || !read_placed(row, line, error) ||
        !get_text(row, "made_from", DUB_JSON_OPTIONAL, &self->made_from, error))
        return false;
    if (line->end_ns > line->start_ns)
        return true;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "end: it is not after start");
    return false;
}

static bool read_line(Reader *self, const DubJson *row, GError **error)
{
    DubProjectLine *line = g_new0(DubProjectLine, 1);
    line->row = self->n_rows;
    g_ptr_array_add(self->last ? self->last->lines : self->orphans, line);
    return fill_line(line, row, error);
}

static bool read_header(Reader *self, const DubJson *row, GError **error)
{
    int64_t version;
    if (!dub_json_get_int(row, "airdub_project", DUB_JSON_REQUIRED, 1, G_MAXINT32, &version, NULL)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "it is not how a project begins");
        return false;
    }
    if (version > DUB_PROJECT_VERSION) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "a newer airdub made it (format %d; this one reads %d); use that one", (int) version,
                    DUB_PROJECT_VERSION);
        return false;
    }
    self->project->header = json_incref((DubJson *) row);
    return true;
}

static bool is_blank(const char *text, gsize length)
{
    gsize n = 0;
    while (n < length && (text[n] == ' ' || text[n] == '\t' || text[n] == '\r'))
        n++;
    return n == length;
}

static bool read_row(Reader *self, const char *text, gsize length, GError **error)
{
    self->n_rows++;
    if (is_blank(text, length))
        return true;
    if (length > DUB_PROJECT_MAX_LINE_BYTES || self->n_rows > DUB_PROJECT_MAX_ROWS) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "longer than any project's");
        return false;
    }
    g_autoptr(DubJson) row = dub_json_parse(text, length, error);
    if (!row)
        return false;
    if (!json_is_object(row)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "it is no object: {\"start\": …}");
        return false;
    }
    if (!self->project->header)
        return read_header(self, row, error);
    return json_object_get(row, "fragment") ? read_fragment(self, row, error) : read_line(self, row, error);
}

/* jansson counts lines within the row, of which there is one. */
static void set_bad_row(GError **error, unsigned row, const GError *problem)
{
    static const char counted[] = "JSON: line 1, ";
    const char *told = problem->message;
    if (g_str_has_prefix(told, counted))
        told += strlen(counted);
    if (problem->code == DUB_ERROR_UNSUPPORTED)
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "line %u: %s", row, told);
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "line %u: %s; mend it, or put it back from a copy%s", row,
                    told, row == 1 ? "" : "; a line of speech may also be taken out");
}

static bool read_rows(Reader *self, const char *text, gsize length, bool is_journal, GError **error)
{
    for (gsize at = 0; at < length;) {
        const char *stop = memchr(text + at, '\n', length - at);
        const gsize end = stop ? (gsize) (stop - text) : length;
        if (!stop && is_journal)
            return true; /* a row that was being written */
        g_autoptr(GError) problem = NULL;
        if (!read_row(self, text + at, end - at, &problem)) {
            if (is_journal && self->project->header)
                return true;
            set_bad_row(error, self->n_rows, problem);
            return false;
        }
        at = MIN(end + 1, length);
        self->project->good_bytes = at;
    }
    return true;
}

/* ── Where lines belong ── */

static int compare_fragments(const void *a, const void *b)
{
    const DubProjectFragment *x = *(DubProjectFragment *const *) a, *y = *(DubProjectFragment *const *) b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int compare_lines(const void *a, const void *b)
{
    const DubProjectLine *x = *(DubProjectLine *const *) a, *y = *(DubProjectLine *const *) b;
    if (x->line.start_ns != y->line.start_ns)
        return x->line.start_ns < y->line.start_ns ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Of a fragment that came twice, as in a journal that goes on, the last one counts, with its lines. */
static void drop_superseded(GPtrArray *fragments)
{
    guint n = 0;
    for (guint i = 0; i < fragments->len; i++) {
        DubProjectFragment *fragment = fragments->pdata[i];
        DubProjectFragment *before = n > 0 ? fragments->pdata[n - 1] : NULL;
        fragments->pdata[i] = NULL;
        if (before && before->start_ns == fragment->start_ns) {
            dub_project_fragment_free(before);
            n--;
        }
        fragments->pdata[n++] = fragment;
    }
    g_ptr_array_set_size(fragments, (gint) n);
}

/* The last fragment that begins no later; the first one for what comes before it. */
static DubProjectFragment *fragment_at(const GPtrArray *fragments, int64_t time_ns)
{
    guint low = 0, high = fragments->len;
    while (low < high) {
        const guint at = low + (high - low) / 2;
        if (((const DubProjectFragment *) g_ptr_array_index(fragments, at))->start_ns <= time_ns)
            low = at + 1;
        else
            high = at;
    }
    return g_ptr_array_index(fragments, low > 0 ? low - 1 : 0);
}

static void place_lines(DubProject *self, GPtrArray *lines)
{
    for (guint i = 0; i < lines->len; i++) {
        DubProjectLine *line = g_ptr_array_index(lines, i);
        DubProjectFragment *fragment = fragment_at(self->fragments, line->line.start_ns);
        line->line.start_ns = MAX(line->line.start_ns - fragment->start_ns, 0);
        line->line.end_ns = MAX(line->line.end_ns - fragment->start_ns, line->line.start_ns + 1);
        if (line->line.placed_ns >= 0) {
            line->line.placed_ns = MAX(line->line.placed_ns - fragment->start_ns, 0);
            line->line.placed_end_ns = MAX(line->line.placed_end_ns - fragment->start_ns, line->line.placed_ns);
        }
        g_ptr_array_add(fragment->lines, line);
    }
}

static bool arrange(Reader *self, GError **error)
{
    GPtrArray *fragments = self->project->fragments;
    g_ptr_array_sort(fragments, compare_fragments);
    drop_superseded(fragments);
    g_autoptr(GPtrArray) lines = g_ptr_array_new(); /* each is its fragment's in the end */
    for (guint i = 0; i < fragments->len; i++) {
        DubProjectFragment *fragment = g_ptr_array_index(fragments, i);
        for (guint k = fragment->lines->len; k > 0; k--)
            g_ptr_array_add(lines, g_ptr_array_steal_index(fragment->lines, k - 1));
    }
    if (self->orphans->len > 0 && fragments->len == 0) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT,
                            "there are lines and no fragments, so nothing says what they belong to; dub IN anew");
        return false;
    }
    while (self->orphans->len > 0)
        g_ptr_array_add(lines, g_ptr_array_steal_index_fast(self->orphans, self->orphans->len - 1));
    if (fragments->len > 0)
        place_lines(self->project, lines);
    for (guint i = 0; i < fragments->len; i++)
        g_ptr_array_sort(((DubProjectFragment *) g_ptr_array_index(fragments, i))->lines, compare_lines);
    return true;
}

static void free_orphan(void *data)
{
    DubProjectFragment *holder = dub_project_fragment_new(); /* which knows how */
    g_ptr_array_add(holder->lines, data);
    dub_project_fragment_free(holder);
}

DubProject *dub_project_parse(const char *text, gsize length, bool is_journal, GError **error)
{
    g_autoptr(DubProject) project = g_new0(DubProject, 1);
    project->fragments = g_ptr_array_new_with_free_func((GDestroyNotify) dub_project_fragment_free);
    g_autoptr(GPtrArray) orphans = g_ptr_array_new_with_free_func(free_orphan);
    Reader reader = { .project = project, .orphans = orphans };
    if (!read_rows(&reader, text, length, is_journal, error))
        return NULL;
    if (!project->header) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "line 1: there is no header; dub IN anew");
        return NULL;
    }
    return arrange(&reader, error) ? g_steal_pointer(&project) : NULL;
}
