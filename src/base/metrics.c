/* base/metrics.c */
#include "base/metrics.h"
