/* airdub/cmd-live.c: `airdub live`. */
#include "airdub/command.h"
#include "airdub/live.h"

int cmd_live(int argc, char **argv, GError **error)
{
    LiveOptions options;
    if (live_options_parse(&options, argc, argv, error)) {
        command_setup_log(options.verbose);
        g_autoptr(Live) live = live_new(&options, error);
        if (live)
            live_run(live, error);
    }
    live_options_clear(&options);
    return 0;
}
