/* unit/apps/test-airdub-mediamtx-config.c: the YAML stands any path that this program may lie under. */
#include "airdub/mediamtx-config.h"

#include <string.h>

typedef struct {
    const char *name, *version, *hook;
    const char *line;
} Case;

static const Case cases[] = {
    { "plain", "v1.9.3", "/usr/bin/airdub", "    runOnReady: '''/usr/bin/airdub'' mediamtx-hook ready'\n" },
    { "space", "v1.19.0\n", "/opt/my tools/airdub",
      "    runOnReady: '''/opt/my tools/airdub'' mediamtx-hook ready'\n" },
    { "quote", "none", "/opt/it's/airdub", "    runOnReady: '''/opt/it''\\''''s/airdub'' mediamtx-hook ready'\n" },
    { "renamed", "v1.20.0\n", "/usr/bin/airdub", "    runOnAvailable: '''/usr/bin/airdub'' mediamtx-hook ready'\n" },
    { "renamed-not", "v2.0.1", "/usr/bin/airdub",
      "    runOnUnavailable: '''/usr/bin/airdub'' mediamtx-hook not-ready'\n" },
};

static void test_hook(const void *data)
{
    const Case *c = data;
    const MediamtxConfig config = {
        .version = mediamtx_config_parse_version(c->version),
        .rtmp_port = 1935,
        .rtsp_port = 8554,
        .api_port = 9997,
        .hook = c->hook,
    };
    g_autofree char *yaml = mediamtx_config_to_yaml(&config);
    g_assert_nonnull(strstr(yaml, c->line));
    g_assert_nonnull(strstr(yaml, "rtspAddress: :8554\n"));
    g_assert_nonnull(strstr(yaml, "apiAddress: 127.0.0.1:9997\n"));
    g_assert_null(strstr(yaml, "record"));
}

static void test_recording(void)
{
    const MediamtxConfig config = { .version = 1020, .playback_port = 9996, .folder = "/tmp/it's", .hook = "airdub" };
    g_autofree char *yaml = mediamtx_config_to_yaml(&config);
    g_assert_nonnull(strstr(yaml, "\nplayback: yes\nplaybackAddress: 127.0.0.1:9996\n"));
    g_assert_nonnull(strstr(yaml, "    recordPath: '/tmp/it''s/%path/%Y-%m-%d_%H-%M-%S-%f'\n"));
    g_assert_cmpstr(strstr(yaml, "  '~^live/.+/out$'"), ==, "  '~^live/.+/out$':\n    overridePublisher: yes\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/airdub/mediamtx-config/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_hook);
    }
    g_test_add_func("/airdub/mediamtx-config/recording", test_recording);
    return g_test_run();
}
