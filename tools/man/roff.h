/* Manual pages in roff, with the macros of man(7). Text is escaped here and nowhere else; a page is one buffer. */
#ifndef AQ_TOOLS_MAN_ROFF_H
#define AQ_TOOLS_MAN_ROFF_H

#include "schema/base/memory.h"

#include <stdbool.h>

/* "aq", 1, "the command line": title, NAME. */
void roff_begin(struct aq_buffer *page, const char *name, unsigned section, const char *purpose);
void roff_section(struct aq_buffer *page, const char *title);    /* .SH */
void roff_subsection(struct aq_buffer *page, const char *title); /* .SS */
void roff_paragraph(struct aq_buffer *page, const char *text);
/* A form of the command: its name in bold, the rest as it is. */
void roff_form(struct aq_buffer *page, const char *name, const char *rest);
/* A term in bold with what it means below it. */
void roff_term(struct aq_buffer *page, const char *term, const char *text);
/* Lines as they are: a program, a file. */
void roff_lines(struct aq_buffer *page, const char *text);
/* "aq(1), aq-fs(8)". */
void roff_see_also(struct aq_buffer *page, const char *const *pages);

/* One piece of text, escaped, without a line break behind it. Between backticks, as Markdown has it: bold. */
void roff_text(struct aq_buffer *page, const char *text);

#endif
