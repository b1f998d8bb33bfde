/* The manual pages, each made from what the programs are declared with. */
#ifndef AQ_TOOLS_MAN_PAGES_H
#define AQ_TOOLS_MAN_PAGES_H

#include "schema/base/program.h"
#include "schema/model/record.h"

void page_aq(struct aq_buffer *page);
void page_daemon(struct aq_buffer *page, const struct aq_program *program, const char *description);
void page_settings(struct aq_buffer *page);
void page_labels(struct aq_buffer *page, const char *example); /* a label's file */

/* A driver's options as the table that docs/labels.md has; `make check` compares them. */
struct aq_driver;
void page_options_table(struct aq_buffer *out, const struct aq_driver *driver);

/* Every field of a record as a term, those of inner records by their path. */
void page_fields(struct aq_buffer *page, const struct aq_record *record, const char *prefix);

#endif
