/* The writer's loop: a thread that gives the writer its turns on real time, and a bell that wakes it. The thread also
 * appends to the log, as there is nothing else to do meanwhile; while the disk is slow, the log thread does it. */
#ifndef AQ_CONTROLLER_WRITE_LOOP_H
#define AQ_CONTROLLER_WRITE_LOOP_H

#include "controller/write/writer.h"

struct writer_loop;

/* Opens the writer, with `config`, `store`, `state` and `index` of the options: the rest is the loop's. */
int writer_loop_open(struct writer_loop **loop, const struct writer_options *options,
                     struct aq_error *error) AQ_MUST_CHECK;
int writer_loop_start(struct writer_loop *loop, struct aq_error *error) AQ_MUST_CHECK; /* starts its thread */
void writer_loop_stop(struct writer_loop *loop); /* finishes the batch in progress, refuses the rest, ends the thread */
void writer_loop_close(struct writer_loop *loop); /* closes the writer, too; NULL is fine */

struct writer *writer_loop_writer(struct writer_loop *loop);

/* Rings the bell after a commit and after a change of leadership: at once after a quiet time, else within 2 ms, for all
 * that came meanwhile. Call it before writer_loop_start(). */
int writer_loop_watch(struct writer_loop *loop, int bell, struct aq_error *error) AQ_MUST_CHECK;

#endif
