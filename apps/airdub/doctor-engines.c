/* airdub/doctor-engines.c: opens the engines for the languages asked for and lets each do a little of its work. */
#include "airdub/doctor.h"
#include "airdub/engine-list.h"
#include "engines/chain.h"
#include "engines/list.h"
#include "engines/program.h"

#include <string.h>

#define GROUP "engines"

static const char *const names[DUB_N_STAGES] = {
    [DUB_STAGE_ASR] = "ASR", [DUB_STAGE_MT] = "MT", [DUB_STAGE_TTS] = "TTS"
};

/* What brings the stage to a bare machine: the last engine that is neither remote nor chosen by name needs least. */
static char *cure(DubEngineStage stage)
{
    const char *brings = NULL;
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++)
        if ((*klass)->stage == stage && !((*klass)->flags & (DUB_ENGINE_BY_NAME | DUB_ENGINE_REMOTE)))
            brings = (*klass)->brings;
    return g_strdup(brings);
}

static DubEngineRequest sample(DubEngineStage stage, const DoctorQuestion *question, DubPcm *silence)
{
    return (DubEngineRequest){
        .pcm = stage == DUB_STAGE_ASR ? silence : NULL,
        .text = stage == DUB_STAGE_ASR                                       ? NULL
                : stage == DUB_STAGE_MT && strcmp(question->from, "en") == 0 ? "house"
                                                                             : "1",
        .from = question->from,
        .to = question->to,
    };
}

static char *describe(DubEngineStage stage, const DoctorQuestion *question, const DubEngineReply *reply)
{
    switch (stage) {
    case DUB_STAGE_ASR: return g_strdup_printf("%s understands %s", reply->engine->name, question->from);
    case DUB_STAGE_MT:
        return g_strdup_printf("%s translates %s-%s: '%s' is '%s'", reply->engine->name, question->from, question->to,
                               strcmp(question->from, "en") == 0 ? "house" : "1", reply->text);
    case DUB_STAGE_TTS: return g_strdup_printf("%s speaks %s", reply->engine->name, question->to);
    case DUB_N_STAGES: break;
    }
    return g_strdup("");
}

static char *try_stage(const DubEngineSettings *settings, DubEngineStage stage, const DoctorQuestion *question,
                       GError **error)
{
    g_autoptr(DubEngineChain) chain = dub_engine_chain_open(settings, stage, question->from, question->to, error);
    if (!chain)
        return NULL;
    g_autoptr(DubPcm) silence = dub_pcm_new(16000, 1, 16000);
    const DubEngineRequest request = sample(stage, question, silence);
    g_autoptr(GPtrArray) replies = dub_engine_chain_run(chain, &request, 1, NULL, error);
    return replies ? describe(stage, question, g_ptr_array_index(replies, 0)) : NULL;
}

static void check_stage(DoctorReport *report, const DubEngineSettings *settings, DubEngineStage stage,
                        const DoctorQuestion *question)
{
    g_autoptr(GError) error = NULL;
    char *detail = try_stage(settings, stage, question, &error);
    if (detail)
        doctor_add(report, DOCTOR_OK, GROUP, g_strdup(names[stage]), detail, NULL);
    else
        doctor_add(report, DOCTOR_FAIL, GROUP, g_strdup(names[stage]), g_strdup(error->message), cure(stage));
}

static unsigned count_voices(const EngineRow *row, const char *language)
{
    unsigned n = 0;
    for (guint i = 0; row->klass->stage == DUB_STAGE_TTS && row->offers && i < row->offers->len; i++)
        n += dub_engine_covers(((const DubEngineOffer *) row->offers->pdata[i])->language, language);
    return n;
}

static void check_voices(DoctorReport *report, const DubEngineSettings *settings, const char *language)
{
    g_autoptr(GPtrArray) rows = engine_list_new(settings);
    unsigned n = 0;
    for (guint i = 0; i < rows->len; i++)
        n += count_voices(rows->pdata[i], language);
    if (n > 0)
        doctor_add(report, DOCTOR_OK, GROUP, g_strdup("voices"),
                   g_strdup_printf("%u speak %s; 'airdub voices' lists them", n, language), NULL);
    else
        doctor_add(report, DOCTOR_FAIL, GROUP, g_strdup("voices"), g_strdup_printf("none speaks %s", language),
                   cure(DUB_STAGE_TTS));
}

/* Machines may do without; whoever misses the engine is told why. */
static void check_programs(DoctorReport *report)
{
    static const struct {
        const char *name, *engines;
    } programs[] = { { "airdub-engine-whisper", "whisper" }, { "airdub-engine-sherpa", "kokoro and vits" } };
    for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *path = dub_program_path(programs[i].name);
        if (!path)
            doctor_add(report, DOCTOR_NOTE, GROUP, g_strdup("programs"),
                       g_strdup_printf("%s is not here, so there is no %s", programs[i].name, programs[i].engines),
                       g_strdup("in a checkout run: make deps-build && make"));
    }
}

void doctor_check_engines(DoctorReport *report, const DoctorQuestion *question)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineSettings) settings = dub_engine_settings_load(question->environment, &error);
    if (!settings) {
        doctor_add(report, DOCTOR_FAIL, GROUP, g_strdup("settings"), g_strdup(error->message), NULL);
        return;
    }
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        check_stage(report, settings, (DubEngineStage) stage, question);
    check_voices(report, settings, question->to);
    check_programs(report);
}
