/* speech/fit.c: tries the ways of fitting in their order of preference; the first that fits is taken. */
#include "speech/fit.h"

#include "base/clock.h"

#include <stdbool.h>

#define GAP_NS           (80 * DUB_NS_PER_MS)  /* between two phrases, so that they are heard as two */
#define LATE_MOST_NS     (500 * DUB_NS_PER_MS) /* a phrase later than this is out of sync: rather be faster */
#define TEMPO_EASY       1.15                  /* hardly heard */
#define TEMPO_HURRIED    1.25
#define TEMPO_STEP       0.01
#define PARTIAL_PERCENT  10.0 /* PROTOCOL.md, "Rules" */
#define TOO_LONG_PERCENT 20.0

/* One way of fitting; all tempos between the two are tried, the slowest first. */
typedef struct {
    double tempo_least, tempo_most;
    int64_t early_first_ns, early_others_ns; /* how much before its original a phrase may begin */
    int64_t late_ns;                         /* how much after */
} Way;

static const Way ways[] = {
    { 1.0, 1.0, 0, 0, LATE_MOST_NS },
    { 1.0, 1.0, DUB_FIT_EARLY_MOST_NS, DUB_FIT_EARLY_MOST_NS, LATE_MOST_NS },
    { 1.0, TEMPO_EASY, DUB_FIT_EARLY_MOST_NS, DUB_FIT_EARLY_MOST_NS, LATE_MOST_NS },
    { 1.0, DUB_FIT_TEMPO_MOST, DUB_FIT_EARLY_MOST_NS, 2 * DUB_FIT_EARLY_MOST_NS, 2 * LATE_MOST_NS },
    /* Out of sync by now: a hurried voice is the smaller evil, so it does not begin at 1. */
    { TEMPO_HURRIED, DUB_FIT_TEMPO_MOST, DUB_FIT_EARLY_MOST_NS, G_MAXINT64, G_MAXINT64 },
};

static int64_t length_at(const DubFitPhrase *phrase, double tempo)
{
    return (int64_t) ((double) phrase->dub_ns / tempo + 0.5);
}

static int64_t earliest(const DubFitPhrase *phrases, gsize index, const Way *way)
{
    const int64_t early = index == 0 ? way->early_first_ns : way->early_others_ns;
    return MAX(phrases[index].start_ns - MIN(early, phrases[index].start_ns), 0);
}

/* Each phrase at its original's start, or as soon after it as the phrase before has ended.
 * Returns: where the last one ends. */
static int64_t place_forward(DubFitPhrase *phrases, gsize n_phrases, double tempo)
{
    int64_t free_ns = 0;
    for (gsize i = 0; i < n_phrases; i++) {
        phrases[i].tempo = tempo;
        phrases[i].place_ns = MAX(phrases[i].start_ns, free_ns);
        free_ns = phrases[i].place_ns + length_at(&phrases[i], tempo) + GAP_NS;
    }
    return n_phrases ? free_ns - GAP_NS : 0;
}

/* From the last to the first: each begins as much earlier as what follows it needs. */
static bool pull_back(DubFitPhrase *phrases, gsize n_phrases, const Way *way, double tempo, int64_t fragment_ns)
{
    int64_t end_ns = fragment_ns;
    for (gsize i = n_phrases; i-- > 0;) {
        const int64_t latest_ns = end_ns - length_at(&phrases[i], tempo);
        phrases[i].place_ns = MIN(phrases[i].place_ns, latest_ns);
        if (phrases[i].place_ns < earliest(phrases, i, way))
            return false;
        end_ns = phrases[i].place_ns - GAP_NS;
    }
    return true;
}

static bool is_in_sync(const DubFitPhrase *phrases, gsize n_phrases, const Way *way)
{
    for (gsize i = 0; i < n_phrases; i++)
        if (phrases[i].place_ns - phrases[i].start_ns > way->late_ns)
            return false;
    return true;
}

static bool try_way(DubFitPhrase *phrases, gsize n_phrases, const Way *way, int64_t fragment_ns, double tempo_most,
                    double *tempo)
{
    const double most = MIN(way->tempo_most, tempo_most);
    for (*tempo = MIN(way->tempo_least, most); *tempo <= most + TEMPO_STEP / 2; *tempo += TEMPO_STEP) {
        place_forward(phrases, n_phrases, *tempo);
        if (pull_back(phrases, n_phrases, way, *tempo, fragment_ns) && is_in_sync(phrases, n_phrases, way))
            return true;
    }
    return false;
}

/* Nothing fits: all as fast and as early as allowed, one after the other. */
static int64_t place_overlong(DubFitPhrase *phrases, gsize n_phrases, double tempo)
{
    int64_t free_ns = phrases[0].start_ns - MIN(DUB_FIT_EARLY_MOST_NS, phrases[0].start_ns);
    for (gsize i = 0; i < n_phrases; i++) {
        phrases[i].tempo = tempo;
        phrases[i].place_ns = free_ns;
        free_ns += length_at(&phrases[i], tempo) + GAP_NS;
    }
    return free_ns - GAP_NS;
}

static DubFitVerdict judge(double variance_percent)
{
    if (variance_percent <= PARTIAL_PERCENT)
        return DUB_FIT_GOOD;
    return variance_percent <= TOO_LONG_PERCENT ? DUB_FIT_PARTIAL : DUB_FIT_TOO_LONG;
}

DubFitPlan dub_fit_plan(DubFitPhrase *phrases, gsize n_phrases, int64_t fragment_ns, double tempo_most)
{
    DubFitPlan plan = { .verdict = DUB_FIT_GOOD, .tempo = 1.0 };
    if (n_phrases == 0)
        return plan;
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        if (!try_way(phrases, n_phrases, &ways[i], fragment_ns, tempo_most, &plan.tempo))
            continue;
        const DubFitPhrase *last = &phrases[n_phrases - 1];
        plan.end_ns = last->place_ns + length_at(last, last->tempo);
        return plan;
    }
    plan.tempo = tempo_most;
    plan.end_ns = place_overlong(phrases, n_phrases, tempo_most);
    if (plan.end_ns > fragment_ns)
        plan.variance_percent = 100.0 * (double) (plan.end_ns - fragment_ns) / (double) MAX(fragment_ns, 1);
    plan.verdict = judge(plan.variance_percent);
    return plan;
}
