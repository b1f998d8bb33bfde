/* "did you mean ...": the nearest of all possible words. */
#ifndef AQ_TOOLS_AQ_SUGGEST_H
#define AQ_TOOLS_AQ_SUGGEST_H

struct cli_suggest {
    const char *word; /* what was typed */
    const char *best; /* NULL: nothing is near */
    unsigned distance;
};

void cli_suggest_try(struct cli_suggest *suggest, const char *candidate); /* kept, not copied */

#endif
