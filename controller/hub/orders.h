/* Orders: commands that come from file views over the local socket. */
#ifndef AQ_CONTROLLER_HUB_ORDERS_H
#define AQ_CONTROLLER_HUB_ORDERS_H

#include "controller/hub/base.h"

/* Handles ORDER: answers with OUTCOME when the command is committed or refused. */
void orders_take(struct hub_base *base, struct hub_question *question, const struct aq_order *message);

#endif
