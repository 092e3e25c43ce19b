/* base/http.c */
#include "base/http.h"
