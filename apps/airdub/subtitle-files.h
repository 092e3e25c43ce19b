/* airdub/subtitle-files.h: the four subtitle files beside an output: transcript and translation, WebVTT and SubRip.
 * Main thread only. They grow under hidden temporary names and get their own at the end, so that a name never holds
 * half. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct _SubtitleFiles SubtitleFiles;

/**
 * subtitle_files_new:
 * @output: the dubbed file's path; the subtitles lie beside it, "OUT-without-suffix.LANGUAGE.vtt"
 * @source_language: NULL: no transcript is written
 * @replace: files of those names may be there already
 * Returns: NULL with %DUB_ERROR_INVALID_ARGUMENT (already there), NO_SPACE, IO…
 */
SubtitleFiles *subtitle_files_new(const char *output, const char *source_language, const char *target_language,
                                  bool replace, GError **error);

/* Both texts are said in [@start_ns, @end_ns), which begins no earlier than the last one ended (else it is cut there).
 */
bool subtitle_files_add(SubtitleFiles *self, int64_t start_ns, int64_t end_ns, const char *transcript,
                        const char *translation, GError **error);

/* @output: the dubbed file's final path: another one when it is partial. */
bool subtitle_files_finish(SubtitleFiles *self, const char *output, GError **error);
char **subtitle_files_names(const SubtitleFiles *self); /* (transfer full): after finish */

void subtitle_files_free(SubtitleFiles *self); /* what was not finished is removed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SubtitleFiles, subtitle_files_free)
