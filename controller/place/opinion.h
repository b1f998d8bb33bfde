/* What every node says about one definition of a label: a column of answers, one byte a node.
 *
 * Labels never change, and a decision changes one node or two: so the column is remembered, and only the rows that
 * changed since are asked again. That is what makes a choice among thousands of nodes cost microseconds, with all of
 * them considered. Belongs to the index, and to its thread. */
#ifndef AQ_CONTROLLER_PLACE_OPINION_H
#define AQ_CONTROLLER_PLACE_OPINION_H

#include "controller/place/index.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

enum { OPINIONS_MAX = 64 }; /* columns remembered; the one that was not used for longest goes */

/* enum aq_answer of each row of the index. Valid until the next call, or the next change of the index. `label` 0:
 * nothing is to be remembered. `tries` (of aq_try): where it failed already; what they change is not remembered. */
const uint8_t *opinion_ask(const struct place_index *index, uint64_t label, uint64_t number,
                           const struct aq_definition *definition, const struct aq_list *tries);

/* The column of free amounts that the answer is about; NULL: it is about something else. */
const uint64_t *opinion_column(const struct place_columns *columns, enum aq_answer answer);
uint64_t opinion_need(const struct aq_amounts *need, enum aq_answer answer); /* how much of it is needed; 0 likewise */

/* For the index: its memory of columns. It is forgotten when a batch is undone: a label that was made in it never was,
 * and its number will be given to another. */
struct opinions;
struct opinions *opinions_new(void);
void opinions_forget(struct opinions *opinions);
void opinions_free(struct opinions *opinions);

#endif
