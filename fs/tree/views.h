/* Views (schema/model/view.h) as files in the directories of rows, and how each kind is rendered.
 *
 * AQ_VIEW_OUTPUT is a file whose content is fetched from the node when it is opened. AQ_VIEW_LIVE is a directory with
 * one file for each field of the entity's live values. The others are files rendered from the tables. */
#ifndef AQ_FS_TREE_VIEWS_H
#define AQ_FS_TREE_VIEWS_H

#include "fs/tree/look.h"
#include "schema/model/view.h"

/* NULL: the entity has no view of this name, or the file view does not show its kind. */
const struct aq_view *tree_view_find(const struct aq_entity *entity, const char *name);
/* The next view of the entity from *index on, which is advanced; NULL: there are no more. */
const struct aq_view *tree_view_at(const struct aq_entity *entity, size_t *index);

/* Appends the view of the row. Not for AQ_VIEW_OUTPUT and AQ_VIEW_LIVE. */
int tree_view_write(struct look *look, const struct aq_view *view, const void *row, struct aq_buffer *out,
                    struct aq_error *error) AQ_MUST_CHECK;

/* The resource whose output a view of kind AQ_VIEW_OUTPUT shows; 0: there is none, and `error` says why. */
uint64_t tree_output_resource(const struct aq_entity *entity, const void *row, struct aq_error *error);

/* Fills `live`, a struct of entity->live. False: there are no live values of this row. */
bool tree_live_read(struct look *look, const struct aq_entity *entity, const char *key, void *live);

#endif
