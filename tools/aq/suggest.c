#include "tools/aq/suggest.h"

#include "schema/codec/text.h"

#include <string.h>

void cli_suggest_try(struct cli_suggest *suggest, const char *candidate)
{
    size_t typed = strlen(suggest->word), length = strlen(candidate);
    unsigned distance = aq_text_distance(suggest->word, candidate);
    /* Counts letters that differ; the beginning of a long word is as good as a word with one letter wrong. */
    if (typed >= 3 && typed < length && strncmp(candidate, suggest->word, typed) == 0)
        distance = 1;
    unsigned most = typed < 5 ? 1 : 2;
    if (distance > most || (suggest->best != NULL && distance >= suggest->distance))
        return;
    suggest->best = candidate;
    suggest->distance = distance;
}
