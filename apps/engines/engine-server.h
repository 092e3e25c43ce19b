/* apps/engines/engine-server.h: the program's side of the engine protocol (docs/engine-protocol.md): requests
 * from standard input, replies to standard output. One thread. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct {
    const char *run;       /* "asr" */
    const json_t *message; /* the request, an object */
    const float *samples;  /* what came with it: mono */
    gsize n_samples;
} EngineTask;

typedef struct {
    const char *name;
    const char *run;             /* the one piece of work it can do: "asr", "mt" or "tts" */
    unsigned hears_hz;           /* ASR: the rate it wants to hear; 0 for others */
    json_t *(*list)(void *self); /* (transfer full): the array of offers */
    /* Fills @reply, an object, and for TTS appends to @sound (of float, mono) and sets "rate_hz". */
    bool (*work)(void *self, const EngineTask *task, json_t *reply, GArray *sound, GError **error);
} EngineKind;

typedef struct _EngineServer EngineServer;

/* First of all in main(): from here on whatever a library prints to standard output goes to standard error,
 * and only the protocol to what was standard output. */
EngineServer *engine_server_new(void);
void engine_server_free(EngineServer *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EngineServer, engine_server_free)

/* Instead of serving: says what is wrong, and how it is mended. Returns: the status to exit with */
int engine_server_refuse(EngineServer *self, const GError *problem);

/* Says that it is ready, and answers until standard input ends. Returns: the status to exit with: 0, or 1
 * where the input is not the protocol or nobody reads the answers */
int engine_server_run(EngineServer *self, const EngineKind *kind, void *engine);
