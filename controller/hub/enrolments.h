/* Agents enrol: the command node_enrol makes their key that of a node. */
#ifndef AQ_CONTROLLER_HUB_ENROLMENTS_H
#define AQ_CONTROLLER_HUB_ENROLMENTS_H

#include "controller/hub/base.h"

/* Handles ENROL. */
void enrolments_take(struct hub_base *base, struct hub_question *question, const struct aq_enrol *message);

#endif
