/* speech/fit.h: where in a fragment each dubbed phrase goes, and how fast it is spoken. Any thread, pure.
 * First as said: natural tempo, each phrase at its original's start. What does not fit then uses, in this order, the
 * silence after it, a start up to 250 ms early, a slightly faster tempo, a tempo up to 1.4, and at last any silence
 * between the phrases. What is still too long ends after the fragment and is judged by PROTOCOL.md's rule. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define DUB_FIT_EARLY_MOST_NS INT64_C(250000000)
#define DUB_FIT_TEMPO_MOST    1.4

typedef struct {
    int64_t start_ns; /* where the original's phrase begins, within the fragment; ascending */
    int64_t dub_ns;   /* length of its dub at natural tempo */
    int64_t place_ns; /* (out) where the dub begins */
    double tempo;     /* (out) 1 … %DUB_FIT_TEMPO_MOST */
} DubFitPhrase;

typedef enum { DUB_FIT_GOOD, DUB_FIT_PARTIAL, DUB_FIT_TOO_LONG } DubFitVerdict;

typedef struct {
    DubFitVerdict verdict;
    double tempo;            /* of all phrases */
    int64_t end_ns;          /* of the last phrase */
    double variance_percent; /* how much longer than the fragment the dub is; 0 when it fits */
} DubFitPlan;

/* @tempo_most: 1 … %DUB_FIT_TEMPO_MOST; less than that for dubs that are hurried already */
DubFitPlan dub_fit_plan(DubFitPhrase *phrases, gsize n_phrases, int64_t fragment_ns, double tempo_most);
