/* The manual pages, each made from what the programs are declared with. A failure (a file that cannot be read, or lacks
 * what is looked for) is told in `error`. */
#ifndef AQ_TOOLS_MAN_PAGES_H
#define AQ_TOOLS_MAN_PAGES_H

#include "schema/base/program.h"
#include "schema/model/record.h"

void page_aq(struct aq_buffer *page);
void page_daemon(struct aq_buffer *page, const struct aq_program *program, const char *description);
void page_settings(struct aq_buffer *page);
/* `labels`: docs/labels.md, whose tables tell the drivers' options. `example`: a label's file. */
int page_labels(struct aq_buffer *page, const char *labels, const char *example, struct aq_error *error) AQ_MUST_CHECK;

/* Every field of a record as a term, those of inner records by their path. */
void page_fields(struct aq_buffer *page, const struct aq_record *record, const char *prefix);

#endif
