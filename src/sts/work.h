/* sts/work.h: the seam below a stream's policy: what does its work is echo (sts/echo.h) or engines (sts/dubber.h).
 * Loop thread only. Callbacks come on the GMainContext that was thread-default at creation, never from inside a call,
 * and none after dub_sts_work_free(). */
#pragma once

#include "sts/answer.h"

typedef struct {
    /* Fragments may be given. @parallel: so many are worked on at once. @expected_ms: for one; 0: not known */
    void (*on_ready)(guint parallel, double expected_ms, void *user_data);
    void (*on_refused)(const char *code, const char *message, void *user_data); /* nothing follows */
    void (*on_finished)(uint64_t sequence_number, DubFragmentProcessed *answer /* (transfer full) */, void *user_data);
} DubStsWorkCallbacks;

typedef struct _DubStsWork DubStsWork;

typedef struct {
    /* @fragment: (transfer none), valid during the call. @traceparent: (nullable) likewise, for the log */
    void (*process)(DubStsWork *self, const DubFragmentData *fragment, const char *traceparent);
    const char *(*cancel)(DubStsWork *self, uint64_t sequence_number);
    void (*free)(DubStsWork *self);
} DubStsWorkClass;

struct _DubStsWork { /* what implements it begins with this */
    const DubStsWorkClass *klass;
    DubStsWorkCallbacks callbacks;
    void *user_data;
};

static inline void dub_sts_work_process(DubStsWork *self, const DubFragmentData *fragment, const char *traceparent)
{
    self->klass->process(self, fragment, traceparent);
}

/* No on_finished is wanted. Returns: the stage it was in: "asr", "translation", "tts" */
static inline const char *dub_sts_work_cancel(DubStsWork *self, uint64_t sequence_number)
{
    return self->klass->cancel(self, sequence_number);
}

static inline void dub_sts_work_free(DubStsWork *self) /* cancels what is being worked on; NULL is fine */
{
    if (self)
        self->klass->free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsWork, dub_sts_work_free)
