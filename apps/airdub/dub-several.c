/* airdub/dub-several.c: a run for each language, and with --one-file another that brings the dubs together. */
#include "airdub/dub-several.h"

#include "airdub/command.h"
#include "airdub/interrupts.h"
#include "base/error.h"
#include "engines/set.h"
#include "media/further-sound.h"
#include "media/output-name.h"

#include <glib/gstdio.h>
#include <stdio.h>

typedef struct {
    const DubTarget *target;
    char *output; /* NULL: none */
    GError *error;
} Outcome;

typedef struct {
    const DubOptions *options;
    DubRunFunc run;
    DubHearings *hearings;
    GPtrArray *outcomes; /* of Outcome, as far as it came */
    GPtrArray *dubs;     /* of DubFurtherSound, with --one-file: those that are whole */
    bool has_transcript, is_interrupted;
} Several;

/* Each run has its own, which stops it. This one is there between them too, where a signal would end the program and
 * leave its files behind, and sees to it that no other language is begun. */
static void on_interrupt(unsigned count, void *user_data)
{
    (void) count;
    ((Several *) user_data)->is_interrupted = true;
}

static void hear_interrupts(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void free_outcome(void *data)
{
    Outcome *outcome = data;
    g_free(outcome->output);
    g_clear_error(&outcome->error);
    g_free(outcome);
}

/* A language that nothing here speaks is told before hours go into the others. What an sts-service has, it says itself
 * as its turn comes. */
static bool check_languages(const DubOptions *options, GError **error)
{
    if (options->sts_url)
        return true;
    g_autoptr(DubEngineSettings) settings = engine_options_settings(&options->engines, error);
    for (guint i = 0; settings && i < options->targets->len; i++) {
        const DubTarget *target = g_ptr_array_index(options->targets, i);
        if (!dub_engine_set_check(settings, options->from, target->language, target->voice, error)) {
            g_prefix_error(error, "%s: ", target->language);
            return false;
        }
    }
    return settings != NULL;
}

/* Beside OUT, where there is room for it. */
static char *sound_path(const char *out, const char *language)
{
    g_autofree char *local = dub_options_local_path(out);
    g_autofree char *folder = g_path_get_dirname(local);
    g_autofree char *base = g_path_get_basename(local);
    return g_strdup_printf("%s/.%s.%s.dub.mp4", folder, base, language);
}

static DubOptions options_for(const DubOptions *all, const DubTarget *target)
{
    DubOptions one = *all; /* what it points to stays theirs */
    one.to = target->language;
    one.voice = target->voice;
    one.title = target->title;
    one.out = target->out;
    return one;
}

static void add_dub(Several *self, const DubTarget *target, const char *path)
{
    const DubOptions *options = self->options;
    const char *by_default = options->default_language;
    const bool is_default = by_default ? g_str_equal(by_default, target->language) : self->dubs->len == 0;
    g_ptr_array_add(self->dubs, dub_further_sound_new(path, target->language, target->title,
                                                      is_default && !options->is_original_default));
}

static void dub_target(Several *self, const DubTarget *target)
{
    DubOptions options = options_for(self->options, target);
    DubRun run = { .hearings = self->hearings, .has_transcript = self->options->one_file && self->has_transcript };
    g_autofree char *sound = self->options->one_file ? sound_path(target->out, target->language) : NULL;
    if (sound) {
        options.out = sound;
        options.keep_original = options.is_original_default = false;
        run.is_sound_only = true;
        run.shown_out = target->out;
    }
    Outcome *outcome = g_new0(Outcome, 1);
    outcome->target = target;
    g_ptr_array_add(self->outcomes, outcome);
    self->run(&options, &run, &outcome->error);
    hear_interrupts();
    self->is_interrupted |= g_error_matches(outcome->error, DUB_ERROR, DUB_ERROR_CANCELLED);
    self->has_transcript |= !outcome->error;
    if (sound && !outcome->error)
        add_dub(self, target, sound);
    else if (sound && run.output)
        g_unlink(run.output);
    if (!sound)
        outcome->output = g_steal_pointer(&run.output);
    g_free(run.output);
}

/* Nothing was understood of it, for a reason that the next language would meet as well. */
static bool is_hopeless(const Several *self)
{
    static const DubErrorCode codes[] = { DUB_ERROR_NOT_FOUND, DUB_ERROR_CORRUPT, DUB_ERROR_NO_AUDIO,
                                          DUB_ERROR_UNSUPPORTED, DUB_ERROR_INVALID_ARGUMENT };
    const Outcome *last = g_ptr_array_index(self->outcomes, self->outcomes->len - 1);
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_error_matches(last->error, DUB_ERROR, codes[i]))
            return self->outcomes->len == 1 && dub_hearings_count(self->hearings) == 0;
    return false;
}

/* --- one file --- */

static void keep_default(GPtrArray *dubs, bool is_original_default)
{
    for (guint i = 0; i < dubs->len; i++)
        if (((const DubFurtherSound *) g_ptr_array_index(dubs, i))->is_default)
            return;
    if (dubs->len && !is_original_default) /* the one that was to be it has failed */
        ((DubFurtherSound *) g_ptr_array_index(dubs, 0))->is_default = true;
}

/* Those that are whole go into one file, also where the next one was cut short: that file is called partial then. */
static void bring_together(Several *self)
{
    const DubTarget *first = g_ptr_array_index(self->options->targets, 0);
    g_autofree char *local = dub_options_local_path(self->options->out);
    DubOptions options = options_for(self->options, first);
    DubOutputName name;
    DubRun run = { .dubs = self->dubs };
    dub_output_name_init(&name, local);
    if (self->is_interrupted && self->dubs->len < self->options->targets->len)
        options.out = name.partial;
    options.embeds_subtitles = options.writes_subtitles = false; /* they are with the dubs, or written */
    keep_default(self->dubs, options.is_original_default);
    g_autoptr(GError) error = NULL;
    self->run(&options, &run, &error);
    for (guint i = 0; i < self->outcomes->len; i++) {
        Outcome *outcome = g_ptr_array_index(self->outcomes, i);
        if (!outcome->error && error)
            outcome->error = g_error_copy(error);
        else if (!outcome->error)
            outcome->output = g_strdup(run.output);
    }
    self->is_interrupted |= g_error_matches(error, DUB_ERROR, DUB_ERROR_CANCELLED);
    dub_output_name_clear(&name);
    g_free(run.output);
}

static void remove_sounds(Several *self)
{
    for (guint i = 0; i < self->dubs->len; i++)
        g_unlink(((const DubFurtherSound *) g_ptr_array_index(self->dubs, i))->path);
}

/* --- what is told --- */

static void print_outcomes(const Several *self)
{
    DubJson *list = json_array();
    for (guint i = 0; i < self->outcomes->len; i++) {
        const Outcome *outcome = g_ptr_array_index(self->outcomes, i);
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "to", outcome->target->language, "output",
                                              command_json_string(outcome->output), "error",
                                              command_json_string(outcome->error ? outcome->error->message : NULL)));
    }
    command_print_json(json_pack("{s:s, s:o}", "event", "languages", "languages", list));
}

static void tell(const Several *self)
{
    if (self->options->as_json) {
        print_outcomes(self);
        return;
    }
    if (self->options->quiet)
        return;
    for (guint i = 0; i < self->outcomes->len; i++) {
        const Outcome *outcome = g_ptr_array_index(self->outcomes, i);
        if (outcome->output)
            printf("%s -> %s\n", outcome->target->language, outcome->output);
        else
            printf("%s: %s\n", outcome->target->language, outcome->error ? outcome->error->message : "not made");
    }
    fflush(stdout);
}

static GError *sum_up(const Several *self)
{
    g_autoptr(GString) failed = g_string_new(NULL);
    const GError *first = NULL;
    guint n_failed = self->options->targets->len - self->outcomes->len;
    for (guint i = 0; i < self->outcomes->len; i++) {
        const Outcome *outcome = g_ptr_array_index(self->outcomes, i);
        if (!outcome->error)
            continue;
        n_failed++;
        first = first ? first : outcome->error;
        g_string_append_printf(failed, "%s%s: %s", failed->len ? "; " : "", outcome->target->language,
                               outcome->error->message);
    }
    if (!n_failed)
        return NULL;
    for (guint i = self->outcomes->len; i < self->options->targets->len; i++) {
        const DubTarget *target = g_ptr_array_index(self->options->targets, i);
        g_string_append_printf(failed, "; %s: not begun", target->language);
    }
    const int code = self->is_interrupted ? DUB_ERROR_CANCELLED : first ? first->code : DUB_ERROR_FAILED;
    return g_error_new(DUB_ERROR, code, "%u of %u languages were not dubbed: %s", n_failed, self->options->targets->len,
                       failed->str);
}

bool dub_several(const DubOptions *options, DubRunFunc run, GError **error)
{
    Several self = { .options = options, .run = run };
    if (!check_languages(options, error))
        return false;
    self.hearings = dub_hearings_new(0);
    self.outcomes = g_ptr_array_new_with_free_func(free_outcome);
    self.dubs = g_ptr_array_new_with_free_func((GDestroyNotify) dub_further_sound_free);
    Interrupts *interrupts = interrupts_new(on_interrupt, &self);
    bool goes_on = true;
    for (guint i = 0; goes_on && i < options->targets->len; i++) {
        dub_target(&self, g_ptr_array_index(options->targets, i));
        goes_on = !self.is_interrupted && !is_hopeless(&self);
    }
    GError *problem = NULL;
    if (is_hopeless(&self)) {
        problem = g_error_copy(((const Outcome *) g_ptr_array_index(self.outcomes, 0))->error);
    } else {
        if (self.dubs->len)
            bring_together(&self);
        tell(&self);
        problem = sum_up(&self);
    }
    remove_sounds(&self);
    interrupts_free(interrupts);
    g_ptr_array_unref(self.outcomes);
    g_ptr_array_unref(self.dubs);
    dub_hearings_unref(self.hearings);
    if (problem)
        g_propagate_error(error, problem);
    return !problem;
}
