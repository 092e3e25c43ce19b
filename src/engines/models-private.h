/* engines/models-private.h: what the files models*.c share. */
#pragma once

#include "base/json.h"
#include "engines/models.h"

#include <sys/types.h>

#define MODELS_DESCRIPTION "model.json"
#define MODELS_TOKENS      "tokens.txt"
#define MODELS_VOICES      "voices.bin"

#define MODELS_LANGUAGES_MAX 64 /* of one model */
#define MODELS_VOICES_MAX    2048

/* models-files.c: bounded reading. Nothing here follows a path into a device, a pipe or a folder. */

/* @size: (out): of the regular file. false where there is none, with errno. */
bool models_file_size(const char *path, guint64 *size);
int models_file_open(const char *path); /* a descriptor of a regular file, or -1 with errno */
/* The first or (@from_end) last @length bytes; fewer in a shorter file. Returns: how many, -1 with errno. */
gssize models_file_read(const char *path, void *buffer, gsize length, bool from_end);
/* The JSON object that a file of at most @max_bytes holds, or NULL with an error that names its path. */
DubJson *models_file_read_json(const char *path, gsize max_bytes, GError **error);
bool models_is_lfs_pointer(const char *path); /* Git LFS leaves one where a large file was not fetched */
/* The sorted names in @folder, at most 1000, without hidden ones. NULL: it cannot be listed. */
GPtrArray *models_list_folder(const char *folder);

/* models-languages.c */

/* Returns: (transfer full): "es" for "es", "es_ES", "es-419", "spa"; NULL for what is no code */
char *models_language(const char *code);
/* The language that a folder's name tells: "vits-piper-es_ES-davefx-medium", "vits-mms-spa"; or NULL. */
char *models_language_of_name(const char *name);

/* models-describe.c */

DubModel *models_model_new(DubModelKind kind, const char *name, char *path); /* @path: (transfer full) */
void models_add_voice(DubModel *self, const char *name, const char *language, const char *gender);
/* The first problem counts: it is the one to mend first. */
void models_set_problem(DubModel *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Those of @codes that are codes, each once. */
void models_set_languages(DubModel *self, const char *const *codes, gsize n);
/* @path: of a ggml-*.bin; @name: (nullable): NULL takes the file's */
DubModel *models_describe_whisper(const char *path, const char *name);
/* Adds what the folder holds to @found: nothing, a voice, or Whisper models. */
void models_describe_folder(const char *folder, GPtrArray *found);

/* models-json.c */

/* Whether @folder has our model.json; then @model is what it says (with a problem where it says nonsense). */
bool models_read_description(const char *folder, DubModel **model);
