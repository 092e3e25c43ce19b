/* airdub/dub-options.c: options and names of `airdub dub`, refused before an engine is loaded. */
#include "airdub/dub-options.h"

#include "airdub/command.h"
#include "airdub/dub-choice.h"
#include "airdub/dub-project.h"
#include "base/error.h"
#include "media/container.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const subtitle_choices[] = { "files", "embed", "both", NULL };

static const char description[] =
    "IN: a file, a named pipe or - (.ts, .mkv, .wav), a .m3u8, or rtmp://, rtsp://, srt://, http(s)://. OUT: .mp4 .mov "
    ".mkv .webm .ts .flv; for the sound alone .m4a .mp3 .wav .flac .ogg .opus; "
    "FOLDER/NAME.m3u8, or rtmp://, srt://.\n\nCtrl-C plays what is on its way and ends: a file that was cut short is "
    "called NAME.partial.SUFFIX, is playable, and the exit status is 130. A second one ends at once.";

/* GLib would take the word behind an option for its value, also where that is IN: here it is one only if it is a
 * choice. */
static GPtrArray *join_choice(int argc, char **argv, const char *option)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    bool is_over = false;
    for (int i = 0; i < argc; i++) {
        is_over |= g_str_equal(argv[i], "--");
        const bool is_option = !is_over && g_str_equal(argv[i], option);
        const bool has_choice = is_option && i + 1 < argc && g_strv_contains(subtitle_choices, argv[i + 1]);
        g_ptr_array_add(words, is_option ? g_strconcat(option, "=", has_choice ? argv[++i] : subtitle_choices[0], NULL)
                                         : g_strdup(argv[i]));
    }
    return words;
}

static bool parse(DubOptions *self, int argc, char **argv, char ***rest, GError **error)
{
    const GOptionEntry entries[] = {
        { "from", 0, 0, G_OPTION_ARG_STRING, &self->from, "the language spoken [en]", "LANGUAGE" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &self->to, "the language wanted [es]; several: a file for each",
          "LANGUAGE[,LANGUAGE]" },
        { "voice", 0, 0, G_OPTION_ARG_STRING, &self->voice, "who speaks it; 'airdub voices' lists them",
          "VOICE|LANGUAGE=VOICE,…" },
        { "one-file", 0, 0, G_OPTION_ARG_NONE, &self->one_file,
          "several languages: one OUT, with a track of sound for each", NULL },
        { "bed", 0, 0, G_OPTION_ARG_STRING, &self->bed, "level of the original sound under the dub [-18]", "DB|off" },
        { "subtitles", 0, 0, G_OPTION_ARG_STRING, &self->subtitles_choice,
          "subtitles too: .vtt and .srt in both languages beside OUT (the default), a track of OUT, or both",
          "[files|embed|both]" },
        { "audio-track", 0, 0, G_OPTION_ARG_INT, &self->audio_track,
          "which of IN's audio tracks to dub, from 1 [the one in --from's language, else the default one]", "N" },
        { "commentary-track", 0, 0, G_OPTION_ARG_INT, &self->commentary_track,
          "recognise this audio track, which has the commentary alone; the other is kept under the dub", "N" },
        { "keep-original", 0, 0, G_OPTION_ARG_NONE, &self->keep_original,
          "keep the original sound as another track of OUT", NULL },
        { "default", 0, 0, G_OPTION_ARG_STRING, &self->default_choice, "which of them players take by default [dub]",
          "dub|original|LANGUAGE" },
        { "title", 0, 0, G_OPTION_ARG_STRING, &self->title, "what players list the dub as [Dubbed: LANGUAGE]", "TEXT" },
        { "transcript", 0, 0, G_OPTION_ARG_FILENAME, &self->transcript,
          "what is said, instead of listening: .srt, .vtt, .ass or .json", "FILE" },
        { "translation", 0, 0, G_OPTION_ARG_FILENAME, &self->translation,
          "what is to be said, instead of listening and translating: likewise", "FILE" },
        { "project", 0, 0, G_OPTION_ARG_FILENAME, &self->project,
          "keep what was understood, translated and spoken, to be mended: see 'airdub redub'", "FOLDER" },
        { "resume", 0, 0, G_OPTION_ARG_NONE, &self->resume,
          "go on where the same command was cut short; keeps what is needed for it", NULL },
        { "stems", 0, 0, G_OPTION_ARG_FILENAME, &self->stems, "write dub.wav and bed.wav too, whose sum is the sound",
          "FOLDER" },
        { "segment", 0, 0, G_OPTION_ARG_DOUBLE, &self->segment_s, "length of a fragment [6]", "SECONDS" },
        { "segment-mode", 0, 0, G_OPTION_ARG_STRING, &self->segment_mode,
          "cut in a pause near each mark, or exactly there [pause]", "pause|fixed" },
        { "sts", 0, 0, G_OPTION_ARG_STRING, &self->sts_url,
          "use this sts-service instead of the engines here; several: the next takes over", "URL[,URL]" },
        { "force", 'f', 0, G_OPTION_ARG_NONE, &self->force, "replace OUT if it is there already", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &self->as_json, "one JSON object a line", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->quiet, "no progress and no summary", NULL },
        { "verbose", 'v', 0, G_OPTION_ARG_NONE, &self->verbose, "what was said in each fragment, and the log", NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_autofree GOptionEntry *all = engine_options_entries(&self->engines, entries);
    g_autoptr(GPtrArray) words = join_choice(argc, argv, "--subtitles");
    return command_parse((int) words->len, (char **) words->pdata, all, "IN OUT",
                         "Dubs a file, or a live stream until it ends.", description, 2, rest, error);
}

static bool check_choice(const char *option, const char *text, const char *const *choices, GError **error)
{
    if (!text || g_strv_contains(choices, text))
        return true;
    g_autofree char *listed = g_strjoinv(", ", (char **) choices);
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: '%.40s' is none of %s", option, text, listed);
    return false;
}

static bool check_default(DubOptions *self, GError **error)
{
    const DubTarget *target = self->default_choice ? dub_targets_find(self->targets, self->default_choice) : NULL;
    static const char *const defaults[] = { "dub", "original", NULL };
    if (!target || (self->targets->len > 1 && !self->one_file))
        return check_choice("--default", self->default_choice, defaults, error);
    self->default_language = target->language;
    return true;
}

static bool check_tracks(DubOptions *self, GError **error)
{
    if (!check_choice("--subtitles", self->subtitles_choice, subtitle_choices, error) || !check_default(self, error))
        return false;
    self->writes_subtitles = self->subtitles_choice && !g_str_equal(self->subtitles_choice, "embed");
    self->embeds_subtitles = self->subtitles_choice && !g_str_equal(self->subtitles_choice, "files");
    self->is_original_default = g_strcmp0(self->default_choice, "original") == 0;
    if (!self->is_original_default || self->keep_original)
        return true;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                        "--default original: OUT has no original sound; add --keep-original");
    return false;
}

static bool refuse(GError **error, const char *text)
{
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, text);
    return false;
}

/* A human's words take a recogniser's place, and a human's translation the translator's too. */
static bool take_given_words(DubOptions *self, GError **error)
{
    char **providers = self->engines.providers;
    if (!self->transcript && !self->translation)
        return true;
    if (self->transcript && self->translation)
        return refuse(error,
                      "--transcript and --translation: one of them, since the second leaves nothing to translate");
    if (self->sts_url)
        return refuse(error, "--transcript and --translation are read by the engines here; leave --sts out");
    if (providers[DUB_STAGE_ASR] || (self->translation && providers[DUB_STAGE_MT]))
        return refuse(error, "--transcript takes the place of --asr, and --translation of --mt too; leave these out");
    if (self->translation && self->targets->len > 1)
        return refuse(error, "--translation is in one language, and --to names several; dub that one by itself");
    if (self->translation && self->writes_subtitles)
        return refuse(error, "--subtitles: with --translation there is no transcript to write; use --subtitles embed");
    providers[DUB_STAGE_ASR] = g_strdup("subtitles");
    if (self->translation)
        providers[DUB_STAGE_MT] = g_strdup("null");
    self->engines.said = g_strdup(self->transcript ? self->transcript : self->translation);
    return true;
}

static void set_default(char **field, const char *value)
{
    if (!*field)
        *field = g_strdup(value);
}

static void replace(char **field, const char *value)
{
    char *copy = g_strdup(value);
    g_free(*field);
    *field = copy;
}

static bool find_targets(DubOptions *self, GError **error)
{
    const DubTargetsWish wish = { self->to, self->voice, self->title, self->out, self->one_file };
    self->targets = dub_targets_new(&wish, error);
    if (!self->targets)
        return false;
    const DubTarget *first = g_ptr_array_index(self->targets, 0);
    for (guint i = 0; i < self->targets->len; i++) {
        const DubTarget *target = g_ptr_array_index(self->targets, i);
        if (!choice_check_languages(self->from, target->language, error))
            return false;
    }
    if (self->targets->len > 1)
        return true;
    replace(&self->to, first->language);
    replace(&self->voice, first->voice);
    replace(&self->title, first->title);
    replace(&self->out, first->out);
    return true;
}

static bool check_track_number(const char *option, int number, GError **error)
{
    if (number >= 0)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: %d is no track; they count from 1", option, number);
    return false;
}

static bool check_choices(DubOptions *self, GError **error)
{
    set_default(&self->from, "en");
    set_default(&self->to, "es");
    set_default(&self->bed, "-18");
    set_default(&self->segment_mode, "pause");
    if (!find_targets(self, error))
        return false;
    if (!check_track_number("--audio-track", self->audio_track, error) ||
        !check_track_number("--commentary-track", self->commentary_track, error))
        return false;
    if (self->commentary_track && self->commentary_track == self->audio_track)
        return refuse(error, "--commentary-track: that is --audio-track's already; leave one of them out");
    return check_tracks(self, error) && take_given_words(self, error) &&
           choice_parse_bed(self->bed, &self->bed_gain, error) &&
           choice_parse_segment_mode(self->segment_mode, &self->mode, error) &&
           choice_check_segment(self->segment_s, error);
}

char *dub_options_local_path(const char *name)
{
    if (!strstr(name, "://"))
        return g_strdup(name);
    return g_str_has_prefix(name, "file://") ? g_filename_from_uri(name, NULL, NULL) : NULL;
}

static bool check_input(const char *path, GError **error)
{
    struct stat status;
    if (g_str_equal(path, "-"))
        return true;
    if (stat(path, &status) < 0) {
        const int errnum = errno;
        g_autofree char *why = errnum == ENOENT || errnum == ENOTDIR ? dub_error_missing_folder(path) : NULL;
        errno = errnum;
        if (errnum != ENOENT && !why)
            return dub_error_fail_errno(error, "read", path);
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND, "cannot read %s: %s; check its name", path,
                    why ? why : g_strerror(errnum));
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s is a folder; name a file in it", path);
        return false;
    }
    return access(path, R_OK) == 0 || dub_error_fail_errno(error, "read", path);
}

static bool check_folder(const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *why = dub_error_missing_folder(path);
    if (why) {
        g_autofree char *quoted = g_shell_quote(folder);
        const bool can_be_made = g_str_has_prefix(why, "there is");
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND, "cannot write %s: %s; %s%s", path, why,
                    can_be_made ? "make it with mkdir -p " : "choose another folder", can_be_made ? quoted : "");
        return false;
    }
    return access(folder, W_OK | X_OK) == 0 || dub_error_fail_errno(error, "write into the folder", folder);
}

static bool check_output(const DubOptions *self, const char *path, GError **error)
{
    struct stat status;
    if (!check_folder(path, error))
        return false;
    if (stat(path, &status) < 0)
        return true;
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode) || S_ISSOCK(status.st_mode)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "%s is no plain file, and a result is moved to its name once it is "
                    "whole; name a file, or stream to rtmp:// or srt://",
                    path);
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s is a folder; name a file in it", path);
        return false;
    }
    if (!self->force) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s is already there; replace it with --force", path);
        return false;
    }
    return true;
}

static bool check_not_same(const char *in, const char *out, GError **error)
{
    struct stat from, to;
    if (stat(in, &from) < 0 || stat(out, &to) < 0 || from.st_dev != to.st_dev || from.st_ino != to.st_ino)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                "%s and %s are the same file; choose another name for OUT", in, out);
    return false;
}

static bool check_names(const DubOptions *self, GError **error)
{
    DubContainer container;
    g_autofree char *in = dub_options_local_path(self->in);
    g_autofree char *out = dub_options_local_path(self->out);
    if (in && !check_input(in, error))
        return false;
    if (g_str_equal(self->out, "-")) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                            "the result cannot go to standard output, which says no "
                            "container and cannot be renamed; name a file, or stream to rtmp:// or srt://");
        return false;
    }
    if (!dub_container_from_uri(self->out, &container, error))
        return false;
    if (in && out && !g_str_equal(in, "-") && !check_not_same(in, out, error))
        return false;
    if (self->writes_subtitles && !out) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "--subtitles lie beside OUT, and %s is no file; leave one of them out", self->out);
        return false;
    }
    if ((self->embeds_subtitles && !dub_container_check_texts(container, error)) ||
        (self->keep_original && !dub_container_check_second_sound(container, error)) ||
        (self->one_file && self->targets->len > 1 && !dub_container_check_dubs(container, error)))
        return false;
    return !out || check_output(self, out, error);
}

/* IN is read once for each language, which a pipe or a live stream cannot be. */
static bool check_read_again(const DubOptions *self, GError **error)
{
    g_autofree char *in = dub_options_local_path(self->in);
    if (in && g_file_test(in, G_FILE_TEST_IS_REGULAR))
        return true;
    if (in && !g_str_equal(in, "-"))
        return check_input(in, error) && refuse(error, "several languages need a plain file as IN, since it is read "
                                                       "once for each; write the pipe into one first");
    return refuse(error, "several languages need a plain file as IN, since it is read once for each; save it first, "
                         "or start one airdub for each language");
}

static bool check_all_names(DubOptions *self, GError **error)
{
    if (self->targets->len == 1)
        return check_names(self, error);
    if (!check_read_again(self, error))
        return false;
    for (guint i = 0; i < (self->one_file ? 1 : self->targets->len); i++) {
        DubOptions one = *self;
        one.out = ((const DubTarget *) g_ptr_array_index(self->targets, i))->out;
        if (!check_names(&one, error))
            return false;
    }
    return true;
}

bool dub_options_parse(DubOptions *self, int argc, char **argv, GError **error)
{
    g_auto(GStrv) rest = NULL;
    *self = (DubOptions){ .segment_s = 6 };
    if (!parse(self, argc, argv, &rest, error))
        return false;
    self->in = g_strdup(rest[0]);
    self->out = g_strdup(rest[1]);
    return dub_options_check(self, error);
}

bool dub_options_check(DubOptions *self, GError **error)
{
    return check_choices(self, error) && (!self->sts_url || choice_check_sts_urls("--sts", self->sts_url, error)) &&
           check_all_names(self, error) && dub_project_check_options(self, error);
}

void dub_options_clear(DubOptions *self)
{
    g_free(self->in);
    g_free(self->out);
    g_free(self->from);
    g_free(self->to);
    g_free(self->voice);
    g_free(self->bed);
    g_free(self->segment_mode);
    g_free(self->sts_url);
    g_free(self->transcript);
    g_free(self->translation);
    g_free(self->title);
    g_free(self->project);
    g_free(self->stems);
    g_free(self->subtitles_choice);
    g_free(self->default_choice);
    g_clear_pointer(&self->targets, g_ptr_array_unref);
    engine_options_clear(&self->engines);
}
