/* sts/pressure.h: how full a stream is, and when its worker should be told. One thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    DUB_STS_PRESSURE_REST, /* nothing to say; seen from outside the same as low */
    DUB_STS_PRESSURE_LOW,
    DUB_STS_PRESSURE_MEDIUM,
    DUB_STS_PRESSURE_HIGH,
} DubStsPressureLevel;

/* Levels begin at so many fragments in flight. */
typedef struct {
    double low, medium, high;
} DubStsThresholds;

extern const DubStsThresholds dub_sts_thresholds_full; /* 1–3 low, 4–6 medium, 7–10 high: PROTOCOL.md, Rules */

DubStsPressureLevel dub_sts_pressure_level(const DubStsThresholds *thresholds, guint in_flight);
/* Is the step from @before to @now one that the worker is told of? Every one but that from low to rest. */
bool dub_sts_pressure_is_news(DubStsPressureLevel before, DubStsPressureLevel now);
