#include "schema/model/node.h"

#include "schema/model/view.h"

AQ_DEFINE_WORDS(aq_node_status, AQ_NODE_STATUSES)
AQ_ENTITY(node, 1, "a worker host that runs aq-agent", .plural = "nodes", .rank = 30, .live = &aq_node_live_record)
AQ_DEFINE(aq_node_live, "node_live", 1, "what an agent's heartbeat says")
AQ_VIEW(node, "live", AQ_VIEW_LIVE, "what its agent reported last; not kept")
AQ_VIEW(node, "load", AQ_VIEW_LOAD, "what it uses of processors, memory, disks and network, and has used")

AQ_COMMAND(node, join, 20, AQ_INTERNAL_COMMAND, "an agent joins, changes or returns")
AQ_COMMAND(node, lose, 21, AQ_INTERNAL_COMMAND, "an agent has been silent for too long")
AQ_COMMAND(node, maintenance, 22, AQ_ACTS, "switch maintenance on or off: a node in maintenance takes no new work",
           .value = "maintenance")
AQ_COMMAND(node, delete, 23, AQ_DELETES, "delete a lost node; what it ran counts as ended")

AQ_COMMAND(node, enrol, 25, AQ_INTERNAL_COMMAND, "an agent enrols with a join token")
AQ_COMMAND(node, revoke, 26, AQ_ACTS,
           "revoke a node's key: its agent is out at once; what it runs is treated as that of a lost node",
           .past = "revoked")

AQ_COMMAND(node, projects, 27, AQ_ACTS, "say which projects a node serves: it takes new work of these alone",
           .value = "projects", .past = "projects set")

AQ_EVENT(node, joined, 20, 1, "a node joined")
AQ_EVENT(node, changed, 21, 1, "a node's description changed")
AQ_EVENT(node, status_set, 22, 1, "a node was lost, or came back")
AQ_EVENT(node, maintenance_set, 23, 1, "maintenance was switched")
AQ_EVENT(node, deleted, 24, 1, "a node was deleted")
AQ_EVENT(node, enrolled, 25, 1, "a node enrolled: it has a key of its own")
AQ_EVENT(node, revoked, 26, 1, "a node's key was revoked")
AQ_EVENT(node, projects_set, 27, 1, "the projects that a node serves were set")
