/* timeline/pace.c: the earliest arrival of each ten seconds against that of the first ten. */
#include "timeline/pace.h"

#include <glib.h>

#define SPAN_NS    INT64_C(10000000000)
#define LEAVE_NS   INT64_C(5000000)  /* no more than this: it is left alone */
#define AT_ONCE_NS INT64_C(10000000) /* a thousandth of the span, which nobody sees */

void dub_pace_reset(DubPace *self)
{
    *self = (DubPace){ 0 };
}

static void begin_span(DubPace *self, int64_t early_ns, int64_t now_ns)
{
    self->has_begun = true;
    self->since_ns = now_ns;
    self->earliest_ns = early_ns;
}

int64_t dub_pace_arrived(DubPace *self, int64_t early_ns, int64_t now_ns)
{
    if (!self->has_begun)
        begin_span(self, early_ns, now_ns);
    self->earliest_ns = MAX(self->earliest_ns, early_ns);
    if (now_ns - self->since_ns < SPAN_NS)
        return 0;
    const int64_t earliest_ns = self->earliest_ns;
    begin_span(self, early_ns, now_ns);
    if (!self->has_usual) {
        self->has_usual = true;
        self->usual_ns = earliest_ns;
    }
    const int64_t off_ns = earliest_ns - self->usual_ns;
    if (ABS(off_ns) <= LEAVE_NS)
        return 0;
    const int64_t by_ns = CLAMP(-off_ns, -AT_ONCE_NS, AT_ONCE_NS);
    self->earliest_ns += by_ns; /* the new span is measured against the moved anchor */
    return by_ns;
}
