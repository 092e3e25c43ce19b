/* engines/null.c: engines that do nothing: hear silence, give the text back, say nothing. They run everything around an
 * engine without its cost. */
#include "engines/drivers.h"

#define SILENT_RATE_HZ 22050

static GPtrArray *list_nothing(const DubEngineConfig *config G_GNUC_UNUSED, GCancellable *cancellable G_GNUC_UNUSED,
                               GError **error G_GNUC_UNUSED)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
}

static DubEngine *open_null(const DubEngineConfig *config G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    return g_new0(DubEngine, 1);
}

static void close_null(DubEngine *self)
{
    g_free(self);
}

static DubEngineReply *hear_nothing(DubEngine *self G_GNUC_UNUSED, const DubEngineRequest *request G_GNUC_UNUSED,
                                    GError **error G_GNUC_UNUSED)
{
    return dub_engine_reply_new();
}

static DubEngineReply *give_back(DubEngine *self G_GNUC_UNUSED, const DubEngineRequest *request,
                                 GError **error G_GNUC_UNUSED)
{
    DubEngineReply *reply = dub_engine_reply_new();
    dub_engine_reply_set_text(reply, request->text);
    return reply;
}

static DubEngineReply *say_nothing(DubEngine *self G_GNUC_UNUSED, const DubEngineRequest *request G_GNUC_UNUSED,
                                   GError **error G_GNUC_UNUSED)
{
    DubEngineReply *reply = dub_engine_reply_new();
    reply->pcm = dub_pcm_new(SILENT_RATE_HZ, 1, 0);
    return reply;
}

#define NULL_CLASS(its_stage, its_run)                                                                               \
    {                                                                                                                \
        .stage = its_stage, .name = "null", .flags = DUB_ENGINE_ANY_LANGUAGE | DUB_ENGINE_BY_NAME, .rate_hz = 16000, \
        .list = list_nothing, .open = open_null, .run = its_run, .close = close_null                                 \
    }

const DubEngineClass dub_engine_null_asr = NULL_CLASS(DUB_STAGE_ASR, hear_nothing);
const DubEngineClass dub_engine_null_mt = NULL_CLASS(DUB_STAGE_MT, give_back);
const DubEngineClass dub_engine_null_tts = NULL_CLASS(DUB_STAGE_TTS, say_nothing);
