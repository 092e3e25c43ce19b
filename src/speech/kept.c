/* speech/kept.c: a journal that grows by a fragment at a time, and the project it becomes. */
#include "speech/kept.h"

#include "audio/convert.h"
#include "audio/float-wav.h"
#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROJECT_NAME "project.jsonl"
#define JOURNAL_NAME ".project.jsonl.part"
#define FRESH_NAME   ".project.jsonl.new"
#define SYNC_NS      DUB_NS_PER_S /* a power cut costs no more than was recorded in this time */
#define COPY_BYTES   65536

typedef struct {
    int64_t start_ns, offset, length; /* where a fragment's rows lie in the journal */
} Place;

struct _DubKept {
    char *folder, *voice;
    DubKeptMode mode;
    DubProject *project; /* what was there; NULL: nothing. Read alone once it is open */
    bool was_journal;
    char *header; /* the row */
    GMutex lock;  /* guards all that follows */
    int fd;       /* the journal; -1: not begun */
    int64_t size, synced_ns;
    GHashTable *places; /* start -> Place: bounded by what a file's length gives, some 60 bytes a fragment */
    guint64 n_kept, n_asked;
    GError *problem;
};

static char *path_of(const DubKept *self, const char *name)
{
    return g_build_filename(self->folder, name, NULL);
}

/* ── Opening ── */

/* Returns: NULL also without an error: there is none */
static DubProject *read_project(const DubKept *self, const char *name, bool is_journal, GError **error)
{
    g_autofree char *path = path_of(self, name);
    GStatBuf facts;
    if (g_stat(path, &facts) < 0) {
        if (errno != ENOENT)
            dub_error_fail_errno(error, "read", path);
        return NULL;
    }
    if (!S_ISREG(facts.st_mode) || facts.st_size > DUB_PROJECT_MAX_BYTES) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: larger than any project's", path);
        return NULL;
    }
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(path, &text, &length, &problem)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_IO, problem->message);
        return NULL;
    }
    DubProject *project = dub_project_parse(text, length, is_journal, &problem);
    if (project)
        return project;
    if (!is_journal) /* a journal without a header has nothing to go on with */
        g_propagate_prefixed_error(error, g_steal_pointer(&problem), "%s: ", path);
    return NULL;
}

static bool is_there(const DubKept *self, const char *name)
{
    g_autofree char *path = path_of(self, name);
    return access(path, F_OK) == 0;
}

static bool make_folder(const DubKept *self, GError **error)
{
    if (mkdir(self->folder, 0777) == 0 || (errno == EEXIST && g_file_test(self->folder, G_FILE_TEST_IS_DIR)))
        return true;
    return dub_error_fail_errno(error, "make the folder", self->folder);
}

static bool load_for_redub(DubKept *self, GError **error)
{
    g_autoptr(GError) problem = NULL;
    self->project = read_project(self, PROJECT_NAME, false, &problem);
    if (self->project)
        return true;
    if (problem)
        g_propagate_error(error, g_steal_pointer(&problem));
    else if (is_there(self, JOURNAL_NAME))
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                    "%s: its dub was cut short; go on with the same 'airdub dub' and --resume first", self->folder);
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                    "%s: there is no project in it; 'airdub dub --project %s IN OUT' makes one", self->folder,
                    self->folder);
    return false;
}

static bool load_to_resume(DubKept *self, GError **error)
{
    g_autoptr(GError) problem = NULL;
    self->project = read_project(self, PROJECT_NAME, false, &problem);
    if (!self->project && !problem) {
        self->project = read_project(self, JOURNAL_NAME, true, &problem);
        self->was_journal = self->project != NULL;
    }
    if (!problem)
        return true;
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

static bool load(DubKept *self, GError **error)
{
    if (self->mode == DUB_KEPT_REDUB)
        return load_for_redub(self, error);
    if (!make_folder(self, error))
        return false;
    if (self->mode == DUB_KEPT_RESUME)
        return load_to_resume(self, error);
    if (self->mode == DUB_KEPT_REPLACE || (!is_there(self, PROJECT_NAME) && !is_there(self, JOURNAL_NAME)))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                "%s holds a project already; mend it with 'airdub redub', go on with --resume, or replace it with "
                "--force",
                self->folder);
    return false;
}

DubKept *dub_kept_open(const char *folder, DubKeptMode mode, GError **error)
{
    g_autoptr(DubKept) self = g_new0(DubKept, 1);
    self->folder = g_strdup(folder);
    self->mode = mode;
    self->fd = -1;
    g_mutex_init(&self->lock);
    self->places = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    return load(self, error) ? g_steal_pointer(&self) : NULL;
}

const DubJson *dub_kept_header(const DubKept *self)
{
    return self->project ? self->project->header : NULL;
}

/* ── The journal ── */

static bool write_all(int fd, const char *text, gsize length, const char *path, GError **error)
{
    for (gsize done = 0; done < length;) {
        const ssize_t n = write(fd, text + done, length - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dub_error_fail_errno(error, "write", path);
        done += (gsize) n;
    }
    return true;
}

/* Lock held, or before the lanes. */
static bool append(DubKept *self, const char *text, GError **error)
{
    g_autofree char *path = path_of(self, JOURNAL_NAME);
    const gsize length = strlen(text);
    if (!write_all(self->fd, text, length, path, error))
        return false;
    self->size += (int64_t) length;
    return true;
}

bool dub_kept_begin(DubKept *self, const DubJson *header, const char *voice, GError **error)
{
    g_autofree char *path = path_of(self, JOURNAL_NAME);
    self->voice = g_strdup(voice ? voice : "default");
    self->header = dub_project_row_to_text(header);
    self->size = self->was_journal ? (int64_t) self->project->good_bytes : 0;
    self->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (self->fd < 0 || ftruncate(self->fd, self->size) < 0)
        return dub_error_fail_errno(error, "write", path);
    return self->was_journal || append(self, self->header, error);
}

/* ── What is there ── */

static int compare_start(const void *a, const void *b)
{
    const DubProjectFragment *x = a, *y = *(DubProjectFragment *const *) b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static DubProjectFragment *entry_at(const DubKept *self, int64_t start_ns)
{
    const DubProjectFragment wanted = { .start_ns = start_ns };
    const GPtrArray *all = self->project ? self->project->fragments : NULL;
    DubProjectFragment *const *found =
        all && all->len ? bsearch(&wanted, all->pdata, all->len, sizeof(gpointer), compare_start) : NULL;
    return found ? *found : NULL;
}

static bool lacks_speech(const DubKept *self, const DubProjectFragment *entry)
{
    return entry->speech && !is_there(self, entry->speech);
}

DubProjectChange dub_kept_needs(const DubKept *self)
{
    DubProjectChange most = DUB_PROJECT_SAME;
    for (guint i = 0; self->project && i < self->project->fragments->len; i++) {
        const DubProjectFragment *entry = g_ptr_array_index(self->project->fragments, i);
        const DubProjectChange change = dub_project_fragment_change(entry, self->voice, NULL);
        most = MAX(most, change);
        if (lacks_speech(self, entry))
            most = MAX(most, DUB_PROJECT_SPEAK);
    }
    return most;
}

static bool check_line(const DubKept *self, const DubProjectLine *line, bool (*has)(const char *, void *),
                       void *user_data, GError **error)
{
    if (!line->line.voice || has(line->line.voice, user_data))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                "%s/%s: line %u: no voice is called \"%.60s\"; 'airdub voices' lists those there are", self->folder,
                PROJECT_NAME, line->row, line->line.voice);
    return false;
}

bool dub_kept_check_voices(const DubKept *self, bool (*has)(const char *voice, void *user_data), void *user_data,
                           GError **error)
{
    for (guint i = 0; self->project && i < self->project->fragments->len; i++) {
        const DubProjectFragment *entry = g_ptr_array_index(self->project->fragments, i);
        if (dub_project_fragment_change(entry, self->voice, NULL) == DUB_PROJECT_SAME)
            continue;
        for (guint k = 0; k < entry->lines->len; k++)
            if (!check_line(self, g_ptr_array_index(entry->lines, k), has, user_data, error))
                return false;
    }
    return true;
}

char *dub_kept_sound(const DubFragment *fragment)
{
    const DubPcm *pcm = fragment->pcm;
    return dub_project_sound_digest(pcm->samples, pcm->n_frames * pcm->channels * sizeof(float), pcm->rate_hz,
                                    pcm->channels);
}

/* ── Finding ── */

static DubSpeechResult *failed_result(const DubFragment *fragment, const char *message)
{
    DubSpeechResult *result = dub_speech_result_new(fragment->sequence_number);
    result->lines = dub_speech_lines_new();
    dub_fragment_processed_fail(result->answer, "INTERNAL_ERROR", NULL, false, message);
    return result;
}

static void take_problem(DubKept *self, GError *error)
{
    g_mutex_lock(&self->lock);
    if (self->problem)
        g_error_free(error);
    else
        self->problem = error;
    g_mutex_unlock(&self->lock);
}

/* A redub has no ears: what is not there as it was cannot be dubbed. */
static DubSpeechResult *refuse(DubKept *self, const DubFragment *fragment, const char *what)
{
    if (self->mode != DUB_KEPT_REDUB)
        return NULL;
    GError *error = g_error_new(DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                                "%s: at %.1f s %s; dub it anew: airdub dub --project %s --force", self->folder,
                                (double) fragment->start_ns / DUB_NS_PER_S, what, self->folder);
    DubSpeechResult *result = failed_result(fragment, error->message);
    take_problem(self, error);
    return result;
}

static DubProcessedStatus status_of(const DubJson *answer)
{
    const char *text = json_string_value(json_object_get(answer, "status"));
    for (int status = DUB_PROCESSED_SUCCESS; status <= DUB_PROCESSED_FAILED; status++)
        if (g_strcmp0(text, dub_processed_status_to_string((DubProcessedStatus) status)) == 0)
            return (DubProcessedStatus) status;
    return DUB_PROCESSED_SUCCESS;
}

static char *copy_text(const DubJson *answer, const char *name)
{
    return g_strdup(json_string_value(json_object_get(answer, name)));
}

static DubSpeechResult *result_from(const DubProjectFragment *entry, const DubFragment *fragment)
{
    DubFragmentProcessed *answer = dub_fragment_processed_new();
    answer->transcript = copy_text(entry->answer, "transcript");
    answer->translated_text = copy_text(entry->answer, "translated_text");
    answer->error_code = copy_text(entry->answer, "error_code");
    answer->error_message = copy_text(entry->answer, "error_message");
    answer->status = status_of(entry->answer);
    DubJson *metadata = json_object_get(entry->answer, "metadata");
    answer->metadata = json_is_object(metadata) ? json_deep_copy(metadata) : NULL;
    DubSpeechResult *result = dub_speech_result_new_for(fragment->sequence_number, answer);
    result->lines = dub_speech_lines_new();
    for (guint i = 0; i < entry->lines->len; i++) {
        const DubSpeechLine *line = &((const DubProjectLine *) g_ptr_array_index(entry->lines, i))->line;
        DubSpeechLine *copy =
            dub_speech_line_new(line->start_ns, line->end_ns, line->text, line->translation, line->voice);
        copy->placed_ns = line->placed_ns;
        copy->placed_end_ns = line->placed_end_ns;
        g_ptr_array_add(result->lines, copy);
    }
    return result;
}

/* Returns: (transfer full) (nullable): the sound is where the project says, or where somebody has put another in its
 * place, at any rate */
static DubPcm *load_speech(const DubKept *self, const DubProjectFragment *entry, const DubFragment *fragment,
                           GError **error)
{
    const unsigned rate_hz = fragment->pcm->rate_hz;
    if (!entry->speech)
        return dub_pcm_new(rate_hz, 1, MIN(entry->speech_frames, 2 * fragment->pcm->n_frames));
    g_autofree char *path = path_of(self, entry->speech);
    g_autoptr(DubPcm) pcm = dub_float_wav_read(path, error);
    return pcm ? dub_pcm_convert(pcm, rate_hz, pcm->channels, error) : NULL;
}

static void give_lines(DubFragment *fragment, GPtrArray *given /* (transfer full) */)
{
    const int64_t length_ns = dub_pcm_duration_ns(fragment->pcm);
    for (guint i = 0; i < given->len; i++) {
        DubSpeechLine *line = g_ptr_array_index(given, i);
        line->start_ns = CLAMP(line->start_ns, 0, MAX(length_ns - DUB_NS_PER_MS, 0));
        line->end_ns = CLAMP(line->end_ns, line->start_ns + 1, MAX(length_ns, line->start_ns + 1));
    }
    g_clear_pointer(&fragment->given, g_ptr_array_unref);
    fragment->given = given;
}

static GPtrArray *lines_of(const DubProjectFragment *entry)
{
    GPtrArray *given = dub_speech_lines_new();
    for (guint i = 0; i < entry->lines->len; i++) {
        const DubSpeechLine *line = &((const DubProjectLine *) g_ptr_array_index(entry->lines, i))->line;
        g_ptr_array_add(given,
                        dub_speech_line_new(line->start_ns, line->end_ns, line->text, line->translation, line->voice));
    }
    return given;
}

static bool record_rows(DubKept *self, const DubProjectFragment *entry, GError **error);

static DubSpeechResult *replay(DubKept *self, const DubProjectFragment *entry, DubFragment *fragment,
                               DubEngineMemory *memory)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubSpeechResult) result = result_from(entry, fragment);
    if (result->answer->status != DUB_PROCESSED_FAILED)
        result->dub = load_speech(self, entry, fragment, &error);
    if (error && self->mode == DUB_KEPT_REDUB && entry->lines->len == 0)
        return refuse(self, fragment, error->message);
    if (error && entry->lines->len > 0 && !self->was_journal)
        give_lines(fragment, lines_of(entry)); /* what is said is known; the sound of it is lost */
    if (error)
        return NULL;
    if (!record_rows(self, entry, &error)) {
        take_problem(self, g_steal_pointer(&error));
        return g_steal_pointer(&result);
    }
    dub_engine_memory_restore(memory, entry->memory);
    g_mutex_lock(&self->lock);
    self->n_kept++;
    g_mutex_unlock(&self->lock);
    return g_steal_pointer(&result);
}

DubSpeechResult *dub_kept_find(DubKept *self, DubFragment *fragment, const char *sound, DubEngineMemory *memory)
{
    const DubProjectFragment *entry = entry_at(self, fragment->start_ns);
    g_autoptr(GPtrArray) given = NULL;
    if (!entry)
        return refuse(self, fragment, "there is sound of which the project knows nothing");
    if (!g_str_equal(entry->sound, sound))
        return refuse(self, fragment, "the sound is not what the project was made from");
    if (dub_project_fragment_change(entry, self->voice, &given) != DUB_PROJECT_SAME) {
        if (!self->was_journal) /* there nobody has mended anything: its end was cut off */
            give_lines(fragment, g_steal_pointer(&given));
        return NULL;
    }
    if (self->mode != DUB_KEPT_REDUB && dub_project_fragment_failed(entry))
        return NULL;
    return replay(self, entry, fragment, memory);
}

/* ── Recording ── */

static bool is_silent(const DubPcm *pcm)
{
    for (gsize i = 0; i < pcm->n_frames * pcm->channels; i++)
        if (pcm->samples[i] != 0.0f)
            return false;
    return true;
}

static bool channels_are_alike(const DubPcm *pcm)
{
    for (gsize i = 0; i < pcm->n_frames; i++)
        for (unsigned c = 1; c < pcm->channels; c++)
            if (pcm->samples[i * pcm->channels + c] != pcm->samples[i * pcm->channels])
                return false;
    return true;
}

/* A voice in the middle needs one channel, which the mixer plays on all. */
static DubPcm *to_store(DubPcm *pcm)
{
    if (pcm->channels == 1 || !channels_are_alike(pcm))
        return dub_pcm_ref(pcm);
    DubPcm *mono = dub_pcm_new(pcm->rate_hz, 1, pcm->n_frames);
    for (gsize i = 0; i < pcm->n_frames; i++)
        mono->samples[i] = pcm->samples[i * pcm->channels];
    return mono;
}

static bool store_speech(const DubKept *self, DubProjectFragment *entry, DubPcm *dub, GError **error)
{
    if (!dub || is_silent(dub)) {
        entry->speech_frames = dub ? dub->n_frames : 0;
        return true;
    }
    g_autoptr(DubPcm) pcm = to_store(dub);
    entry->speech = g_strdup_printf("%06u-%s.wav", (unsigned) entry->index, entry->made_from);
    g_autofree char *path = path_of(self, entry->speech);
    return dub_float_wav_save(path, pcm, error);
}

static void set_text(DubJson *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_string(text));
}

static DubJson *answer_to_json(const DubFragmentProcessed *answer)
{
    DubJson *json = json_object();
    set_text(json, "status", dub_processed_status_to_string(answer->status));
    set_text(json, "transcript", answer->transcript);
    set_text(json, "translated_text", answer->translated_text);
    set_text(json, "error_code", answer->error_code);
    set_text(json, "error_message", answer->error_message);
    if (answer->metadata)
        json_object_set(json, "metadata", answer->metadata);
    return json;
}

static DubProjectFragment *entry_from(const DubKept *self, const DubFragment *fragment, const char *sound,
                                      const DubSpeechResult *result, const DubEngineMemory *memory)
{
    DubProjectFragment *entry = dub_project_fragment_new();
    entry->index = fragment->sequence_number;
    entry->start_ns = fragment->start_ns;
    entry->length_ns = dub_pcm_duration_ns(fragment->pcm);
    entry->sound = g_strdup(sound);
    entry->answer = answer_to_json(result->answer);
    entry->memory = dub_engine_memory_save(memory);
    for (guint i = 0; result->lines && i < result->lines->len; i++)
        dub_project_fragment_add_line(entry, g_ptr_array_index(result->lines, i), self->voice);
    entry->made_from = dub_project_fragment_digest(entry, self->voice);
    return entry;
}

/* Lock held. Returns: a descriptor to be synced outside the lock, or -1 */
static int due_for_sync(DubKept *self)
{
    const int64_t now_ns = dub_clock_now();
    if (now_ns - self->synced_ns < SYNC_NS)
        return -1;
    self->synced_ns = now_ns;
    return self->fd;
}

static bool record_rows(DubKept *self, const DubProjectFragment *entry, GError **error)
{
    g_autofree char *text = dub_project_fragment_to_text(entry);
    Place *place = g_new(Place, 1);
    g_mutex_lock(&self->lock);
    *place = (Place){ entry->start_ns, self->size, (int64_t) strlen(text) };
    const bool is_written = append(self, text, error);
    if (is_written)
        g_hash_table_replace(self->places, &place->start_ns, place);
    else
        g_free(place);
    const int fd = is_written ? due_for_sync(self) : -1;
    g_mutex_unlock(&self->lock);
    if (fd >= 0)
        fdatasync(fd);
    return is_written;
}

void dub_kept_record(DubKept *self, const DubFragment *fragment, const char *sound, const DubSpeechResult *result,
                     const DubEngineMemory *memory)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubProjectFragment) entry = entry_from(self, fragment, sound, result, memory);
    if (!store_speech(self, entry, result->dub, &error) || !record_rows(self, entry, &error))
        take_problem(self, g_steal_pointer(&error));
    g_mutex_lock(&self->lock);
    self->n_asked++;
    g_mutex_unlock(&self->lock);
}

GError *dub_kept_problem(DubKept *self)
{
    g_mutex_lock(&self->lock);
    GError *problem = self->problem ? g_error_copy(self->problem) : NULL;
    g_mutex_unlock(&self->lock);
    return problem;
}

void dub_kept_counts(DubKept *self, guint64 *n_kept, guint64 *n_asked)
{
    g_mutex_lock(&self->lock);
    *n_kept = self->n_kept;
    *n_asked = self->n_asked;
    g_mutex_unlock(&self->lock);
}

/* ── The end ── */

static int compare_places(const void *a, const void *b)
{
    const Place *x = *(Place *const *) a, *y = *(Place *const *) b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static bool copy_piece(const DubKept *self, const Place *place, int to, const char *path, GError **error)
{
    g_autofree char *buffer = g_malloc(COPY_BYTES);
    for (int64_t done = 0; done < place->length;) {
        const gsize wanted = (gsize) MIN(place->length - done, (int64_t) COPY_BYTES);
        const ssize_t n = pread(self->fd, buffer, wanted, place->offset + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return dub_error_fail_errno(error, "read back", path);
        if (!write_all(to, buffer, (gsize) n, path, error))
            return false;
        done += n;
    }
    return true;
}

/* In the order of the sound, whatever the order in which lanes came to an end. */
static bool write_sorted(const DubKept *self, int fd, const char *path, GError **error)
{
    g_autoptr(GPtrArray) places = g_ptr_array_new();
    GHashTableIter iter;
    gpointer place;
    g_hash_table_iter_init(&iter, self->places);
    while (g_hash_table_iter_next(&iter, NULL, &place))
        g_ptr_array_add(places, place);
    g_ptr_array_sort(places, compare_places);
    if (!write_all(fd, self->header, strlen(self->header), path, error))
        return false;
    for (guint i = 0; i < places->len; i++)
        if (!copy_piece(self, g_ptr_array_index(places, i), fd, path, error))
            return false;
    return fsync(fd) == 0 || dub_error_fail_errno(error, "write", path);
}

static bool write_project(const DubKept *self, GError **error)
{
    g_autofree char *fresh = path_of(self, FRESH_NAME);
    g_autofree char *path = path_of(self, PROJECT_NAME);
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return dub_error_fail_errno(error, "write", path);
    const bool is_written = write_sorted(self, fd, path, error);
    if (close(fd) < 0 && is_written)
        return dub_error_fail_errno(error, "write", path);
    return is_written && (rename(fresh, path) == 0 || dub_error_fail_errno(error, "name", path));
}

static void sync_folder(const DubKept *self)
{
    const int fd = open(self->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd); /* a file system that cannot has its own way to keep names */
    close(fd);
}

static void remove_file(const DubKept *self, const char *name)
{
    g_autofree char *path = path_of(self, name);
    unlink(path);
}

/* "000012-1f2e3d4c.wav", also hidden while it is written: names that a person would not give */
static bool is_own_speech(const char *name)
{
    const bool is_part = *name == '.' && g_str_has_suffix(name, ".wav.part");
    const char *at = is_part ? name + 1 : name;
    if (strspn(at, "0123456789") < 6 || at[strspn(at, "0123456789")] != '-')
        return false;
    at += strspn(at, "0123456789") + 1;
    return strspn(at, "0123456789abcdef") == DUB_PROJECT_DIGEST_CHARS &&
           (is_part || g_str_equal(at + DUB_PROJECT_DIGEST_CHARS, ".wav"));
}

/* @used: names that stay; NULL: none does */
static void remove_speech(const DubKept *self, GHashTable *used)
{
    g_autoptr(GDir) dir = g_dir_open(self->folder, 0, NULL);
    g_autoptr(GPtrArray) old = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)))
        if (is_own_speech(name) && !(used && g_hash_table_contains(used, name)))
            g_ptr_array_add(old, g_strdup(name));
    for (guint i = 0; i < old->len; i++)
        remove_file(self, g_ptr_array_index(old, i));
}

static bool remove_unused(const DubKept *self, GError **error)
{
    g_autoptr(DubProject) project = read_project(self, PROJECT_NAME, false, error);
    if (!project)
        return false;
    g_autoptr(GHashTable) used = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < project->fragments->len; i++) {
        const DubProjectFragment *entry = g_ptr_array_index(project->fragments, i);
        if (entry->speech)
            g_hash_table_add(used, entry->speech);
    }
    remove_speech(self, used);
    return true;
}

bool dub_kept_finish(DubKept *self, GError **error)
{
    if (!write_project(self, error))
        return false;
    sync_folder(self);
    remove_file(self, JOURNAL_NAME);
    return remove_unused(self, error);
}

bool dub_kept_remove(DubKept *self, GError **error)
{
    remove_speech(self, NULL);
    remove_file(self, JOURNAL_NAME);
    remove_file(self, PROJECT_NAME);
    remove_file(self, FRESH_NAME);
    return rmdir(self->folder) == 0 || errno == ENOTEMPTY ||
           dub_error_fail_errno(error, "remove the folder", self->folder);
}

/* A run that ended before its first fragment leaves nothing that would be in the way of the next one. */
static void drop_if_empty(const DubKept *self)
{
    if (!self->header || self->project || self->size > (int64_t) strlen(self->header))
        return;
    remove_file(self, JOURNAL_NAME);
    rmdir(self->folder); /* unless there is something in it */
}

void dub_kept_free(DubKept *self)
{
    if (!self)
        return;
    if (self->fd >= 0)
        close(self->fd);
    drop_if_empty(self);
    dub_project_free(self->project);
    g_hash_table_unref(self->places);
    g_mutex_clear(&self->lock);
    g_clear_error(&self->problem);
    g_free(self->header);
    g_free(self->folder);
    g_free(self->voice);
    g_free(self);
}
