/* sts/echo.h: gives each fragment's audio back as it came, after a while: for testing workers. */
#pragma once

#include "sts/work.h"

/* Returns: (transfer full); on_ready follows */
DubStsWork *dub_sts_echo_new(guint delay_ms, const DubStsWorkCallbacks *callbacks, void *user_data);
