/* sts/answer.c */
#include "sts/answer.h"

#include <string.h>

#define FIXED_BYTES 1024 /* of an answer beside its audio and texts */

DubFragmentProcessed *dub_sts_answer_new_failed(const char *code, const char *stage, bool retryable,
                                                const char *message)
{
    DubFragmentProcessed *answer = dub_fragment_processed_new();
    answer->status = DUB_PROCESSED_FAILED;
    answer->error_code = g_strdup(code);
    answer->error_stage = g_strdup(stage);
    answer->error_message = g_strdup(message ? message : "");
    answer->error_retryable = retryable;
    return answer;
}

gsize dub_sts_answer_size(const DubFragmentProcessed *answer)
{
    gsize size = FIXED_BYTES;
    if (answer->dubbed_audio)
        size += json_string_length(answer->dubbed_audio->data_base64);
    size += answer->transcript ? strlen(answer->transcript) : 0;
    return size + (answer->translated_text ? strlen(answer->translated_text) : 0);
}
