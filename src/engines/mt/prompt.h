/* engines/mt/prompt.h: how a chat model is asked for a translation. Any thread, pure.
 * Everything that is the same for each sentence of a pair of languages comes first, byte for byte, so that a
 * server that keeps what it has read of a prompt reads only the sentence. */
#pragma once

#include "base/json.h"
#include "text/glossary.h"

#define DUB_PROMPT_CONTEXT_MOST_BYTES 300 /* of what was said before */

/**
 * dub_prompt_messages:
 * @sentence: its line breaks become blanks, so that nothing that was said looks like a line of ours
 * @terms: (nullable): of @sentence
 * @context: (nullable): what was said before
 * Returns: (transfer full): the array of "messages": an instruction, four examples where both languages have
 * them, and the sentence, with its terms and what was said before as lines in front
 */
DubJson *dub_prompt_messages(const char *from, const char *to, const char *sentence, const DubGlossaryMatches *terms,
                             const char *context);

/* (transfer full): the line that the model gave, without blanks and quotation marks around it that @sentence
 * has not */
char *dub_prompt_read(const char *content, const char *sentence);
