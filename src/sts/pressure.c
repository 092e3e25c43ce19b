/* sts/pressure.c */
#include "sts/pressure.h"

/* low at 0: it is never at rest, so that only medium, high and the way back from them are told. */
const DubStsThresholds dub_sts_thresholds_full = { 0, 4, 7 };

DubStsPressureLevel dub_sts_pressure_level(const DubStsThresholds *thresholds, guint in_flight)
{
    if (in_flight >= thresholds->high)
        return DUB_STS_PRESSURE_HIGH;
    if (in_flight >= thresholds->medium)
        return DUB_STS_PRESSURE_MEDIUM;
    return in_flight >= thresholds->low ? DUB_STS_PRESSURE_LOW : DUB_STS_PRESSURE_REST;
}

bool dub_sts_pressure_is_news(DubStsPressureLevel before, DubStsPressureLevel now)
{
    return before != now && !(before == DUB_STS_PRESSURE_LOW && now == DUB_STS_PRESSURE_REST);
}
