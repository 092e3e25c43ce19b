/* base/secret.h: secrets that peers have to know, and how one is drawn. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define DUB_SECRET_MOST_BYTES 1024

/* @sent: (nullable). Takes as long whatever @sent is, so that its answer's time tells nothing of @wanted. */
bool dub_secret_is(const char *sent, const char *wanted);

char *dub_secret_draw(void); /* (transfer full): 16 hexadecimal digits that are not to be guessed */
