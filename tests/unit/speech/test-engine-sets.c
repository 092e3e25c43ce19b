/* Engines of pairs of languages, leased by streams: loaded once, in the background. */
#include "speech/engine-sets.h"

#include "rig.h"

static void on_loaded(DubLanes *lanes, const GError *error, void *user_data)
{
    g_assert_no_error(error);
    *(DubLanes **) user_data = lanes;
}

static void test_shared(void)
{
    g_autoptr(DubEngineSettings) settings = rig_null_settings(1);
    g_autoptr(DubEngineSets) sets = dub_engine_sets_new(settings);
    DubLanes *one = NULL, *two = NULL, *three = NULL;
    g_autoptr(DubEngineLease) first = dub_engine_sets_lease(sets, "en", "es", on_loaded, &one);
    g_autoptr(DubEngineLease) second = dub_engine_sets_lease(sets, "en-GB", "es-419", on_loaded, &two);
    g_autoptr(DubEngineLease) third = dub_engine_sets_lease(sets, "en", "fr", on_loaded, &three);
    while (!one || !two || !three)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(one == two);
    g_assert_true(one != three);
    g_clear_pointer(&first, dub_engine_lease_free);
    g_clear_pointer(&second, dub_engine_lease_free);
    g_clear_pointer(&third, dub_engine_lease_free);
}

static void test_freed_while_loading(void)
{
    g_autoptr(DubEngineSettings) settings = rig_null_settings(1);
    DubEngineSets *sets = dub_engine_sets_new(settings);
    DubLanes *lanes = NULL;
    dub_engine_lease_free(dub_engine_sets_lease(sets, "en", "es", on_loaded, &lanes));
    dub_engine_sets_free(sets);
    DubEngineSets *other = dub_engine_sets_new(settings); /* loads after the first: threads are taken in turn */
    g_autoptr(DubEngineLease) lease = dub_engine_sets_lease(other, "en", "es", on_loaded, &lanes);
    while (!lanes)
        g_main_context_iteration(NULL, TRUE);
    g_clear_pointer(&lease, dub_engine_lease_free);
    dub_engine_sets_free(other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/speech/engine-sets/shared", test_shared);
    g_test_add_func("/speech/engine-sets/freed-while-loading", test_freed_while_loading);
    return g_test_run();
}
