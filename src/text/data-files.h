/* text/data-files.h: where the files lie that come with airdub: PREFIX/share/airdub, or data/ of the source
 * tree for a program that runs from its build folder. Any thread. */
#pragma once

#include <glib.h>

/* Returns: (transfer full): the path of @file in @folder ("glossaries", "sports.en-es.tsv"); it need not
 * exist */
char *dub_data_files_path(const char *folder, const char *file);

/* Returns: (transfer full): the names in @folder that end in @suffix, sorted, ended by NULL; none where there
 * is no such folder */
char **dub_data_files_list(const char *folder, const char *suffix);

/**
 * dub_data_files_read:
 * @path: a UTF-8 text file, at most @most_bytes long; a byte order mark at its begin is left out
 * Returns: (transfer full): or NULL with %DUB_ERROR_NOT_FOUND, %DUB_ERROR_IO or %DUB_ERROR_INVALID_ARGUMENT
 * (too long; "FILE:LINE: not UTF-8")
 */
char *dub_data_files_read(const char *path, gsize most_bytes, GError **error);
