/* model-files.h: a folder of models for a test, as small as what is read of them. */
#pragma once

#include "engines/models.h"

#include <sys/types.h>

#define STYLE_BYTES (510 * 256 * 4) /* of one voice of Kokoro */

/* Layers of Whisper's encoder, and words of its vocabulary. */
#define TINY    4
#define BASE    6
#define SMALL   12
#define LARGE   32
#define ENGLISH 51864
#define ALL     51865

/* Words at the end of an .onnx that sherpa-onnx can load, and of one that reads letters. */
#define DESCRIBED "n_speakers sample_rate comment"
#define LETTERS   DESCRIBED " frontend characters"

typedef struct {
    char *root;
} Fixture;

char *path_in(const Fixture *f, const char *name); /* (transfer full); makes the folder above it */
void write_text(const Fixture *f, const char *name, const char *text);
void write_json(const Fixture *f, const char *name, const char *text); /* with ' for " */
void set_size(const Fixture *f, const char *name, off_t size);         /* the rest is a hole */
void write_whisper(const Fixture *f, const char *name, guint32 layers, guint32 text_layers, guint32 vocabulary);
void write_onnx(const Fixture *f, const char *name, const char *words);
void write_piper(const Fixture *f, const char *folder);
void write_kokoro(const Fixture *f, const char *folder, gsize n_voices);

GPtrArray *find_models(const Fixture *f);
const DubModel *model_named(const GPtrArray *models, const char *name); /* or NULL */
const DubModel *only_model(const GPtrArray *models);
const DubModelVoice *voice_of(const DubModel *model, guint i);
void assert_languages(const DubModel *model, const char *expected); /* "es pt" */
void assert_problem(const DubModel *model, const char *says);

/* A test at /engines/models/GROUP/NAME with a folder of its own. */
void add_model_test(const char *group, const char *name, const void *data, void (*run)(Fixture *, const void *));
#define ADD_MODEL_CASES(group, cases, run)                         \
    for (gsize i_case = 0; i_case < G_N_ELEMENTS(cases); i_case++) \
    add_model_test(group, (cases)[i_case].name, &(cases)[i_case], run)
