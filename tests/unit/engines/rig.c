/* tests/unit/engines/rig.c */
#include "rig.h"

#include <stdarg.h>

DubEngine *rig_open(const DubEngineClass *klass, const char *from, const char *to)
{
    const DubEngineConfig config = { .from = from, .to = to, .n_cores = 1 };
    g_autoptr(GError) error = NULL;
    DubEngine *engine = dub_engine_open(klass, &config, &error);
    g_assert_no_error(error);
    return engine;
}

DubEngineSettings *rig_settings(const char *first, ...)
{
    g_autoptr(GPtrArray) environment = g_ptr_array_new();
    va_list more;
    va_start(more, first);
    for (const char *entry = first; entry; entry = va_arg(more, const char *))
        g_ptr_array_add(environment, (gpointer) entry);
    va_end(more);
    g_ptr_array_add(environment, NULL);
    g_autoptr(GError) error = NULL;
    DubEngineSettings *settings = dub_engine_settings_load((char **) environment->pdata, &error);
    g_assert_no_error(error);
    return settings;
}

DubEngineSettings *rig_default_settings(void)
{
    return rig_settings("ENGINE_LANES=0", NULL);
}

DubEngineSettings *rig_real_settings(unsigned n_lanes)
{
    g_autofree char *lanes = g_strdup_printf("ENGINE_LANES=%u", n_lanes);
    return rig_settings("ASR_PROVIDER=pocketsphinx", "TRANSLATION_PROVIDER=apertium", "TTS_PROVIDER=espeak-ng", lanes,
                        NULL);
}

DubEngineSettings *rig_null_settings(unsigned n_lanes)
{
    g_autofree char *lanes = g_strdup_printf("ENGINE_LANES=%u", n_lanes);
    return rig_settings("ASR_PROVIDER=null", "TRANSLATION_PROVIDER=null", "TTS_PROVIDER=null", lanes, NULL);
}
