/* Questions to whoever sits at the terminal. */
#ifndef AQ_TOOLS_AQ_PROMPT_H
#define AQ_TOOLS_AQ_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

/* Is there somebody to ask: are standard input and standard error a terminal? */
bool cli_prompt_is_possible(void);

/* Prints the question on standard error and reads a line, without its end, into `out`; `hidden` shows nothing of what
 * is typed. False: the input has ended, or the line does not fit. A signal that interrupts aq ends it here, after the
 * terminal shows again what is typed. */
bool cli_prompt(const char *question, bool hidden, char *out, size_t size);

#endif
