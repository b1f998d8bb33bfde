/* What a line asks for: its words, resolved without a server. Everything that depends on the verb follows from it:
 * which flags it takes, what --help says, what can be completed.
 *
 *   aq applications                    list         aq application 7                get
 *   aq applications create label=mac   a command    aq application 7 deallocate     the same as: deallocate 7
 *   aq application 7 why               a view       aq application 7 status         one field
 *   aq get applications 7              the same as: aq applications get 7           (also node/n1 for: node n1)
 *
 * Words that people know from neighbouring systems are in aliases.h. */
#ifndef AQ_TOOLS_AQ_ACTION_H
#define AQ_TOOLS_AQ_ACTION_H

#include "tools/aq/topics.h"
#include "tools/aq/verbs.h"

struct cli_action {
    enum cli_form form;
    const struct cli_topic *topic, *parent; /* CLI_TOPIC; `parent`: it is a verb of that one, else NULL */
    const struct aq_entity *entity;         /* all others; NULL: CLI_DESCRIBE of a name that may be of several */
    const struct aq_command *command;       /* CLI_WRITE */
    const struct aq_view *view;             /* CLI_VIEW */
    const struct aq_field *field;           /* CLI_FIELD */
    bool watch;                             /* CLI_LIST, CLI_GET */
    bool guessed;                           /* CLI_GET: the word may also be a misspelled verb */
    const char *words[CLI_WORDS_MAX];       /* the keys, and what else follows the verb */
    unsigned count;
};

/* -1: the words mean nothing; the message says what would. Texts are made in `arena`. */
int cli_action_find(struct cli_action *action, const char *const *words, unsigned count, struct aq_arena *arena,
                    struct aq_error *error) AQ_MUST_CHECK;
/* The same for the words of `options`. If they mean nothing, but would do so without the word after a flag that does
 * not exist, the message is about the flag: that word is its value. */
int cli_action_read(struct cli_action *action, struct cli_options *options, struct aq_error *error) AQ_MUST_CHECK;

uint64_t cli_action_flags(const struct cli_action *action); /* that it takes */
const struct aq_entity *
cli_action_filters(const struct cli_action *action); /* whose fields it can filter by, or NULL */
void cli_action_name(const struct cli_action *action, struct aq_buffer *out); /* "aq nodes list" */

/* What was meant by the word of a GET that found nothing: "delete KEY", the nearest verb, or "KEY status", a field; "":
 * nothing is near. */
void cli_action_meant(const struct aq_entity *entity, const char *word, struct aq_buffer *out);

/* What the action's form is called; for those without a verb of their own, with the usage "". */
const struct cli_verb *cli_action_verb(const struct cli_action *action);

/* Has it the verb, under this name or under one of aliases.h? */
bool cli_entity_has_verb(const struct aq_entity *entity, const char *word);

#endif
