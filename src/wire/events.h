/* wire/events.h: the names of the events, and the limits both services keep to. */
#pragma once

/* worker -> sts */
#define DUB_EVENT_STREAM_INIT          "stream:init"
#define DUB_EVENT_STREAM_PAUSE         "stream:pause"
#define DUB_EVENT_STREAM_RESUME        "stream:resume"
#define DUB_EVENT_STREAM_END           "stream:end"
#define DUB_EVENT_FRAGMENT_DATA        "fragment:data"
#define DUB_EVENT_ERROR_SIMULATION     "config:error_simulation"
#define DUB_EVENT_DISCONNECT           "simulate:disconnect"
/* both ways */
#define DUB_EVENT_FRAGMENT_ACK         "fragment:ack"
/* sts -> worker */
#define DUB_EVENT_STREAM_READY         "stream:ready"
#define DUB_EVENT_STREAM_COMPLETE      "stream:complete"
#define DUB_EVENT_FRAGMENT_PROCESSED   "fragment:processed"
#define DUB_EVENT_BACKPRESSURE         "backpressure"
#define DUB_EVENT_ERROR                "error"
#define DUB_EVENT_ERROR_SIMULATION_ACK "config:error_simulation:ack"
#define DUB_EVENT_DISCONNECT_ACK       "simulate:disconnect:ack"

#define DUB_WIRE_MAX_IN_FLIGHT     10
#define DUB_WIRE_MAX_AUDIO_BYTES   (10 * 1024 * 1024) /* of one fragment, decoded */
#define DUB_WIRE_MAX_DURATION_MS   60000
#define DUB_WIRE_MAX_RATE_HZ       96000
#define DUB_WIRE_MAX_CHANNELS      2
#define DUB_WIRE_MAX_DELAY_MS      600000 /* of a simulated disconnect */
#define DUB_WIRE_MAX_MESSAGE_BYTES (50 * 1024 * 1024)
#define DUB_WIRE_MAX_ID_BYTES      128
#define DUB_WIRE_MAX_WORD_BYTES    64                        /* languages, formats, voices, codes */
#define DUB_WIRE_MAX_TEXT_BYTES    65536                     /* transcripts, messages */
#define DUB_WIRE_MAX_RULES         64                        /* of an error simulation */
#define DUB_WIRE_MAX_SEQUENCE      INT64_C(9007199254740991) /* 2^53 - 1: what a JavaScript peer counts exactly */
