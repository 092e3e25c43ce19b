/* airdub/cmd-doctor.c: `airdub doctor`: runs the checks, prints a line for each and what mends it. */
#include "airdub/doctor.h"

#include "base/error.h"

#include <stdio.h>

const char *doctor_verdict_to_string(DoctorVerdict verdict)
{
    switch (verdict) {
    case DOCTOR_OK: return "ok";
    case DOCTOR_FAIL: return "FAIL";
    case DOCTOR_NOTE: return "note";
    }
    return "invalid";
}

static void line_free(void *data)
{
    DoctorLine *line = data;
    g_free(line->name);
    g_free(line->detail);
    g_free(line->cure);
    g_free(line);
}

void doctor_add(DoctorReport *report, DoctorVerdict verdict, const char *group, char *name, char *detail, char *cure)
{
    DoctorLine *line = g_new0(DoctorLine, 1);
    *line = (DoctorLine){ verdict, group, name, detail, cure };
    g_ptr_array_add(report->lines, line);
    if (report->on_line)
        report->on_line(line);
}

static void print_line(const DoctorLine *line)
{
    printf("%-4s  %-9s  %-15s  %s\n", doctor_verdict_to_string(line->verdict), line->group, line->name, line->detail);
    if (line->cure)
        printf("      %-9s  %-15s  -> %s\n", "", "", line->cure);
    fflush(stdout); /* the next check may take seconds */
}

static DubJson *line_to_json(const DoctorLine *line)
{
    static const char *const words[] = { [DOCTOR_OK] = "ok", [DOCTOR_FAIL] = "fail", [DOCTOR_NOTE] = "note" };
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "status", words[line->verdict], "group", line->group, "name",
                     command_json_string(line->name), "detail", command_json_string(line->detail), "cure",
                     command_json_string(line->cure));
}

static unsigned count_failures(const DoctorReport *report)
{
    unsigned n = 0;
    for (guint i = 0; i < report->lines->len; i++)
        n += ((const DoctorLine *) report->lines->pdata[i])->verdict == DOCTOR_FAIL;
    return n;
}

static void print_json(const DoctorReport *report)
{
    DubJson *checks = json_array();
    for (guint i = 0; i < report->lines->len; i++)
        json_array_append_new(checks, line_to_json(report->lines->pdata[i]));
    command_print_json(json_pack("{s:o, s:i}", "checks", checks, "failed", (int) count_failures(report)));
}

static void run_checks(DoctorReport *report, const DoctorQuestion *question)
{
    doctor_check_engines(report, question);
    doctor_check_gstreamer(report);
    doctor_check_machine(report, question);
    doctor_check_services(report, question);
}

static void question_clear(DoctorQuestion *question)
{
    g_free(question->from);
    g_free(question->to);
    g_strfreev(question->environment);
}

static bool parse(int argc, char **argv, DoctorQuestion *question, gboolean *as_json, GError **error)
{
    const GOptionEntry entries[] = {
        { "from", 0, 0, G_OPTION_ARG_STRING, &question->from, "the language to understand [en]", "LANGUAGE" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &question->to, "the language to speak [es]", "LANGUAGE" },
        { "rtmp-port", 0, 0, G_OPTION_ARG_INT, &question->rtmp_port, "RTMP [1935]", "PORT" },
        { "http-port", 0, 0, G_OPTION_ARG_INT, &question->http_port, "HTTP of media-service [8080]", "PORT" },
        { "sts-port", 0, 0, G_OPTION_ARG_INT, &question->sts_port, "sts-service [3000]", "PORT" },
        { "api-port", 0, 0, G_OPTION_ARG_INT, &question->api_port, "the media server's control API [9997]", "PORT" },
        { "json", 0, 0, G_OPTION_ARG_NONE, as_json, "one JSON object instead of lines", NULL },
        G_OPTION_ENTRY_NULL,
    };
    return command_parse(
        argc, argv, entries, NULL, "Checks engines, voices, GStreamer, ports, the media server and the STS link.",
        "MEDIAMTX_API_URL and STS_SERVICE_URL, where set, name the services to check.", 0, NULL, error);
}

static bool check_ports_given(const DoctorQuestion *question, GError **error)
{
    const int ports[] = { question->rtmp_port, question->http_port, question->sts_port, question->api_port };
    for (gsize i = 0; i < G_N_ELEMENTS(ports); i++) {
        if (ports[i] < 0 || ports[i] > 65535) {
            g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "port %d is not within 0 and 65535", ports[i]);
            return false;
        }
    }
    return true;
}

static void examine(const DoctorQuestion *question, bool as_json, GError **error)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(line_free);
    DoctorReport report = { lines, as_json ? NULL : print_line };
    run_checks(&report, question);
    if (as_json)
        print_json(&report);
    const unsigned failed = count_failures(&report);
    if (failed > 0)
        g_set_error(error, DUB_ERROR, DUB_ERROR_FAILED, "%u of %u checks failed; what mends each stands below it",
                    failed, lines->len);
}

int cmd_doctor(int argc, char **argv, GError **error)
{
    DoctorQuestion question = { .rtmp_port = 1935, .http_port = 8080, .sts_port = 3000, .api_port = 9997 };
    gboolean as_json = FALSE;
    question.environment = g_get_environ();
    if (parse(argc, argv, &question, &as_json, error) && check_ports_given(&question, error)) {
        command_setup_log(false);
        if (!question.from)
            question.from = g_strdup("en");
        if (!question.to)
            question.to = g_strdup("es");
        examine(&question, as_json, error);
    }
    question_clear(&question);
    return 0;
}
