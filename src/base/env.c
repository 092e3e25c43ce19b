/* base/env.c */
#include "base/env.h"
