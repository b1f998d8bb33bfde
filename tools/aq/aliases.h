/* Aliases: words of neighbouring systems. Where their meaning is clear they work; for the others the answer says what
 * to type. */
#ifndef AQ_TOOLS_AQ_ALIASES_H
#define AQ_TOOLS_AQ_ALIASES_H

#include "schema/model/entity.h"

struct cli_alias {
    const char *word;  /* or two with a blank between them: "job run" */
    const char *means; /* works: "applications deallocate"; the line's other words follow, or stand in place of a * */
    const char *why;   /* does not work: the reason, */
    const char *type;  /* and what to type; words in capitals stand for what the user would put there */
};

const struct cli_alias *cli_alias_at(size_t index); /* NULL after the last */
const struct cli_alias *cli_alias_find(const char *word);
const struct cli_alias *cli_alias_find_pair(const char *first, const char *second);

/* What else a verb may be called: "list" for "ls". NULL after the last. */
const char *cli_alias_verb_at(const char *word, size_t index);

/* The entity's own word for a verb: "deallocate" for "rm"; the word itself when it has no other. */
const char *cli_alias_verb(const struct aq_entity *entity, const char *word);

#endif
