/* engines/http-answers.h: the readers of servers' answers, each defined in its driver's file, for drivers and
 * their tests. Any thread, pure. Errors are %DUB_ERROR_INVALID_ARGUMENT and name the field: "segments: not an
 * array". */
#pragma once

#include "base/json.h"
#include "engines/engine.h"

#define DUB_ANSWER_SEGMENTS_MOST 1000  /* of what was heard in one request */
#define DUB_ANSWER_OFFERS_MOST   20000 /* pairs of languages, voices */

/* asr/openai.c: the text and, where the answer has them, its segments within the @duration_ns that were
 * heard. Segments that the server thinks are no speech, or the same over and over, are left out, and so is
 * what stands in brackets. */
bool dub_answer_transcription(const DubJson *json, int64_t duration_ns, DubEngineReply *reply, GError **error);

/* mt/deepl.c, mt/libretranslate.c, mt/apertium-apy.c, mt/openai.c: the translation; also what it cost, where
 * that is told */
bool dub_answer_deepl(const DubJson *json, DubEngineReply *reply, GError **error);
bool dub_answer_libretranslate(const DubJson *json, DubEngineReply *reply, GError **error);
bool dub_answer_apertium_apy(const DubJson *json, DubEngineReply *reply, GError **error);
bool dub_answer_chat(const DubJson *json, DubEngineReply *reply, GError **error);

/* The lists of languages; @from, @to: NULL, or the only ones that are wanted. (transfer full): of
 * DubEngineOffer */
GPtrArray *dub_answer_deepl_languages(const DubJson *sources, const DubJson *targets, const char *from, const char *to,
                                      GError **error);
GPtrArray *dub_answer_libretranslate_languages(const DubJson *json, const char *from, const char *to, GError **error);
GPtrArray *dub_answer_apertium_apy_pairs(const DubJson *json, const char *from, const char *to, GError **error);

/* tts/openai.c: voices; @language: of those that do not tell theirs */
GPtrArray *dub_answer_voices(const DubJson *json, const char *language, GError **error);

/* tts/elevenlabs.c: of ElevenLabsVoice */
typedef struct {
    char *id, *name;
    char *language; /* nullable */
    char *gender;   /* "male", "female" or "" */
} DubElevenLabsVoice;
GPtrArray *dub_answer_elevenlabs_voices(const DubJson *json, GError **error);
