/* What every node answers for one definition of a label: a column of answers, one byte for each node. Where nodes serve
 * named projects only, there is a column for each project that has answers of its own.
 *
 * Labels never change, and a decision changes one or two nodes. So columns are remembered, and only the rows that
 * changed since are computed again. That is why choosing among thousands of nodes takes microseconds, with all of them
 * considered. Belongs to the placement index, and to its thread. */
#ifndef AQ_CONTROLLER_PLACE_OPINION_H
#define AQ_CONTROLLER_PLACE_OPINION_H

#include "controller/place/place.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

enum { OPINIONS_MAX = 64 }; /* remembered columns; the least recently used one is replaced */

/* The answer (enum aq_answer) of each row of the index to definition `number` of what is requested. Valid until the
 * next call or the next change of the index. Answers are not remembered if there are tries, or if the label is 0. */
const uint8_t *opinion_ask(const struct place_index *index, const struct place_request *request, uint64_t number);

/* Whether any node could ever take the definition: with the driver, matching the filter, allowed by its owner, serving
 * the project, and with enough capacity if nothing else ran there. Nodes that are lost or in maintenance count, nodes
 * where a try failed do not. Remembered as the answers are, until a node's description changes. */
bool opinion_is_possible(const struct place_index *index, const struct place_request *request, uint64_t number);

/* The column of free amounts that was too small; NULL if the answer is not about an amount. */
const uint64_t *opinion_column(const struct place_columns *columns, enum aq_answer answer);
/* The amount that is needed; 0 if the answer is not about an amount. */
uint64_t opinion_need(const struct aq_amounts *need, enum aq_answer answer);

/* The remembered columns. They are dropped when a batch is undone: a label that was created in it does not exist, and
 * its number will be given to another one. */
struct opinions;
struct opinions *opinions_new(void);
void opinions_drop(struct opinions *opinions);
void opinions_free(struct opinions *opinions);

#endif
