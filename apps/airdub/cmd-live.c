/* airdub/cmd-live.c: `airdub live`. */
#include "airdub/command.h"
#include "airdub/live.h"

int cmd_live(int argc, char **argv, GError **error)
{
    LiveOptions options;
    g_autoptr(GError) problem = NULL;
    if (live_options_parse(&options, argc, argv, &problem)) {
        command_setup_log(options.verbose);
        g_autoptr(Live) live = live_new(&options, &problem);
        if (live)
            live_run(live, &problem);
    }
    if (problem && options.as_json)
        command_print_json_error(problem);
    live_options_clear(&options);
    if (problem)
        g_propagate_error(error, g_steal_pointer(&problem));
    return 0;
}
