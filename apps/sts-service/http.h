/* sts-service/http.h: /health, /health/ready and /metrics. Loop thread only. */
#pragma once

#include "base/metrics.h"
#include "socketio/server.h"
#include "sts/service.h"

typedef struct {
    const DubStsService *service;
    const SioServer *sio;
    const char *mode;   /* "full", "echo" */
    int64_t started_ns; /* dub_clock_now() */
} StsHttp;

void sts_http_add(SoupServer *server, const StsHttp *http, DubMetrics *metrics); /* both must outlive @server */
