/* Why no node that has joined could ever take an application, and what would: for people. */
#ifndef AQ_CONTROLLER_PLACE_IMPOSSIBLE_H
#define AQ_CONTROLLER_PLACE_IMPOSSIBLE_H

#include "controller/place/place.h"

/* Appends "no node that has joined could ever take it: it needs 64 cpu; the largest node, host3, has 8". The same nodes
 * give the same words. There are nodes. */
void place_explain_impossible(const struct place_index *index, const struct place_request *request,
                              struct aq_buffer *out);

#endif
