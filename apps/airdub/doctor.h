/* airdub/doctor.h: the checks of `airdub doctor`. Main thread only; each may take seconds. */
#pragma once

#include "airdub/command.h"

typedef enum {
    DOCTOR_OK,
    DOCTOR_FAIL, /* needed and wrong: the exit status says so */
    DOCTOR_NOTE, /* not needed here, or not asked for */
} DoctorVerdict;
const char *doctor_verdict_to_string(DoctorVerdict verdict); /* "ok", "FAIL", "note" */

typedef struct {
    DoctorVerdict verdict;
    const char *group; /* static: "engines", "GStreamer" … */
    char *name, *detail;
    char *cure; /* the command that mends it; NULL when there is nothing to mend */
} DoctorLine;

typedef struct {
    char *from, *to; /* the languages that must work */
    int rtmp_port, http_port, sts_port, api_port;
    char **environment; /* settings of the services: MEDIAMTX_API_URL, STS_SERVICE_URL … */
} DoctorQuestion;

typedef struct {
    GPtrArray *lines;                        /* of DoctorLine */
    void (*on_line)(const DoctorLine *line); /* as they come; may be NULL */
} DoctorReport;

/* @name, @detail, @cure: (transfer full); @cure may be NULL */
void doctor_add(DoctorReport *report, DoctorVerdict verdict, const char *group, char *name, char *detail, char *cure);

void doctor_check_engines(DoctorReport *report, const DoctorQuestion *question);
void doctor_check_gstreamer(DoctorReport *report);
void doctor_check_machine(DoctorReport *report, const DoctorQuestion *question);  /* programs, folders, ports */
void doctor_check_services(DoctorReport *report, const DoctorQuestion *question); /* media server, STS link */
