/* How long applications may run: what users may ask for. Administrators may ask for anything.
 *
 * The lifetime of a label is how long what its users no longer need may stay. So users may ask for less, and may extend
 * as often as they like, but what is left is never more than that lifetime. A label without a lifetime is no bound. */
#ifndef AQ_CONTROLLER_DECIDE_LIFETIME_H
#define AQ_CONTROLLER_DECIDE_LIFETIME_H

#include "controller/decide/decide.h"
#include "schema/model/label.h"

/* Fails with AQ_E_INVALID when the author may not create an application of the label with this lifetime (s, 0: as the
 * label says). */
int decide_check_lifetime(const struct decide *decide, const struct aq_label *label, uint64_t lifetime,
                          struct aq_error *error) AQ_MUST_CHECK;

#endif
