#include "schema/model/node.h"

#include "schema/model/view.h"

AQ_DEFINE_WORDS(aq_node_status, AQ_NODE_STATUSES)
AQ_ENTITY(node, 1, "a worker host that runs aq-agent", .plural = "nodes", .rank = 30, .live = &aq_node_live_record)
AQ_DEFINE(aq_node_live, "node_live", 1, "what an agent's heartbeat says")
AQ_VIEW(node, "live", AQ_VIEW_LIVE, "what its agent reported last; not kept")

AQ_COMMAND(node, join, 20, AQ_INTERNAL_COMMAND, AQ_ROLE_ADMIN, "an agent joins, changes or returns")
AQ_COMMAND(node, lose, 21, AQ_INTERNAL_COMMAND, AQ_ROLE_ADMIN, "an agent has been silent for too long")
AQ_COMMAND(node, maintenance, 22, AQ_ACTS, AQ_ROLE_ADMIN,
           "switch maintenance on or off: a node in maintenance takes no new work", .value = "maintenance")
AQ_COMMAND(node, delete, 23, AQ_DELETES, AQ_ROLE_ADMIN, "delete a lost node; what it ran counts as ended")

AQ_EVENT(node, joined, 20, 1, "a node joined")
AQ_EVENT(node, changed, 21, 1, "a node's description changed")
AQ_EVENT(node, status_set, 22, 1, "a node was lost, or came back")
AQ_EVENT(node, maintenance_set, 23, 1, "maintenance was switched")
AQ_EVENT(node, deleted, 24, 1, "a node was deleted")
