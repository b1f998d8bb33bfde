/* Ctrl-C and its kind, for commands that have something to give back before they end. */
#ifndef AQ_TOOLS_AQ_INTERRUPT_H
#define AQ_TOOLS_AQ_INTERRUPT_H

/* From now on the first SIGINT, SIGTERM or SIGHUP is only noted, and requests and waits end early; another one that
 * comes half a second later, or after more, ends aq at once. A closed standard output is an error of writing then, no
 * signal. */
void cli_interrupt_catch(void);
int cli_interrupted(void);      /* the signal that came; 0: none */
void cli_interrupt_clear(void); /* for requests that must still be sent */
void cli_interrupt_end(void);   /* ends aq by the signal that came, as if it had not been caught */

#endif
