/* Which rows of a list are shown: filters as people type them, and --since, as a query of the server.
 *
 *   --status=new,elected      any of them; the words of an enumeration in whatever case
 *   --status!=ERROR           not this one
 *   --label='m*'              a pattern: * matches any text, ? any one letter
 *   --since=5m                made in the last five minutes */
#ifndef AQ_TOOLS_AQ_SELECT_H
#define AQ_TOOLS_AQ_SELECT_H

#include "tools/aq/options.h"

struct cli_select {
    const struct aq_entity *entity;
    struct aq_buffer query;                     /* "&status=NEW" */
    struct aq_buffer excluded[CLI_FILTERS_MAX]; /* of a field, all that was given by != */
    const struct aq_field *excludes[CLI_FILTERS_MAX];
    unsigned excluded_count;
    bool is_narrow;       /* somebody asked for less than all */
    bool leaves_out_over; /* those that are over, since nobody asked for them */
    bool by_status;
};

/* Fails, naming what would be right, for a field that the entity does not have and for a word that its field cannot be.
 * `words` are field=pattern or field!=pattern. The caller closes it, after a failure too. */
int cli_select_open(struct cli_select *select, const struct aq_entity *entity, const struct cli_options *options,
                    const char *const *words, unsigned count, struct aq_error *error) AQ_MUST_CHECK;
void cli_select_close(struct cli_select *select);

#endif
