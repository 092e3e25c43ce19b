/* base/json.c */
#include "base/json.h"
