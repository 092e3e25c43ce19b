/* airdub/models-report.h: what `airdub models list` and `check` print. Main thread only. */
#pragma once

#include "airdub/command.h"
#include "engines/models.h"

/* @models: of DubModel; @folders: where they were looked for; @catalogue: the installer's table, NULL where
 * it is not there */
void models_report_list(const GPtrArray *models, char **folders, const DubJson *catalogue, bool as_json);

/**
 * models_report_check:
 * @names: (array zero-terminated=1): the models to check; empty: all there are
 * Reads every file of every model. Returns: true, or false with %DUB_ERROR_NOT_FOUND for no such model or
 * none at all, or %DUB_ERROR_FAILED where one cannot be used
 */
bool models_report_check(const GPtrArray *models, char **folders, char **names, bool as_json, GError **error);

/* "44 MB", "2.3 MB". (transfer full) */
char *models_report_size(guint64 bytes);
