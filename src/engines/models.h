/* engines/models.h: the models on this machine: where they lie, what each can do, and what is wrong with it.
 * Reads descriptions, headers and file sizes, never a whole model, and never more than a bounded part of a
 * file. Any thread; each call reads the disk, so never call it on a service's loop. A DubModel stays as it
 * was found. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    DUB_MODEL_WHISPER, /* ggml-*.bin of whisper.cpp */
    DUB_MODEL_VITS,    /* a folder with one .onnx and its tokens.txt: Piper, Coqui, MMS */
    DUB_MODEL_KOKORO,  /* a folder with model.onnx, voices.bin, tokens.txt */
    DUB_MODEL_VAD,     /* silero_vad.onnx: finds where somebody speaks */
} DubModelKind;
const char *dub_model_kind_to_string(DubModelKind kind); /* "whisper", "vits", "kokoro", "vad" */

typedef struct {
    char *name;     /* "ef_dora"; the only voice of a model is called as the model is */
    char *language; /* as eSpeak NG calls it: "es", "pt-br", "en-us" */
    char *gender;   /* "male", "female", "" */
} DubModelVoice;

typedef struct {
    char *name; /* of the folder, or of a file that lies alone: "whisper-" and what follows "ggml-" */
    DubModelKind kind;
    char *path;         /* absolute: the file of a Whisper or VAD model, the folder of others */
    char *file;         /* absolute: the ggml or .onnx file to load; NULL where there is none or more than one */
    char *size;         /* Whisper: "tiny", "base", "small", "medium", "large", "turbo"; NULL else */
    GStrv languages;    /* ISO 639-1 where there is one, else ISO 639-3; empty: any */
    GPtrArray *voices;  /* of DubModelVoice, by the model's speaker numbers; empty for Whisper and VAD */
    unsigned rate_hz;   /* of what goes in (Whisper, VAD) or comes out; 0: not known before it is loaded */
    guint64 bytes;      /* of its files */
    bool reads_letters; /* VITS: takes text (MMS, most of Coqui), not phonemes */
    char *espeak_voice; /* VITS: whose phonemes it takes, "en-us"; NULL for letters */
    char *licence;      /* NULL: not known */
    char *problem;      /* NULL: it can be used; else one line: what is wrong, and the cure */
} DubModel;

void dub_model_free(DubModel *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubModel, dub_model_free)

/**
 * dub_models_folders:
 * @model_dir: (nullable): the value of MODEL_DIR; NULL or "" for the user's and the system's folders
 * Returns: (transfer full): the folders that dub_models_find() looks into, in this order; they need not be
 * there. The first is the one to install into.
 */
GStrv dub_models_folders(const char *model_dir);

/**
 * dub_models_find:
 * @model_dir: as above. May itself be the folder of one model
 * Returns: (transfer full): of DubModel, those with a problem too; the folders in their order, the names of
 * each sorted. Where a name is there twice, the first counts. At most %DUB_MODELS_MAX.
 */
GPtrArray *dub_models_find(const char *model_dir);
#define DUB_MODELS_MAX 256

/**
 * dub_models_pick:
 * @models: from dub_models_find(); a model that @name gives as a path is added to it
 * @name: (nullable): a model's name, with or without "whisper-"; for Whisper a size ("base", "tiny.en") too;
 * a path, that is anything with a '/'; NULL for the best: for Whisper the largest, of which one for English
 * alone counts for more than the next larger one for all languages; for voices the highest rate
 * @language: (nullable): what it must cover ("es", "es-419"); NULL: no matter
 * Returns: (transfer none): belongs to @models; NULL where none fits. A model asked for by name may have a
 * problem, the best one never has.
 */
const DubModel *dub_models_pick(GPtrArray *models, DubModelKind kind, const char *name, const char *language);

/* Whether it says that it covers @language ("es" covers "es-419"); Whisper for all languages does. */
bool dub_model_covers(const DubModel *self, const char *language);

/**
 * dub_model_verify:
 * Reads all its files; takes about five seconds of CPU for a gigabyte.
 * Returns: how many files were compared with the checksums in model.json, 0 where it has none; -1 with
 * %DUB_ERROR_CORRUPT, %DUB_ERROR_NOT_FOUND or %DUB_ERROR_IO, which names the file
 */
int dub_model_verify(const DubModel *self, GError **error);
