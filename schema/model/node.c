#include "schema/model/node.h"

AQ_DEFINE_WORDS(aq_node_status, AQ_NODE_STATUSES)
AQ_DEFINE(aq_node, "node", 1, AQ_NODE, "a worker host that runs aq-agent")
AQ_DEFINE(aq_node_live, "node_live", 1, AQ_NODE_LIVE, "what an agent's heartbeat says")
static const struct aq_entity node = {
    .name = "node",
    .plural = "nodes",
    .record = &aq_node_record,
    .rank = 30,
};
AQ_ENTITY(node);

AQ_DEFINE(aq_node_join, "node_join", 1, AQ_NODE_JOIN, "an agent says what it is and has")
const struct aq_command aq_command_node_join = {
    .code = 20,
    .name = "node_join",
    .entity = "node",
    .verb = "join",
    .kind = AQ_INTERNAL_COMMAND,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_node_join_record,
    .help = "an agent joins, changes or returns",
};
AQ_COMMAND(aq_command_node_join);

AQ_DEFINE(aq_node_lose, "node_lose", 1, AQ_NODE_LOSE, "an agent is silent")
const struct aq_command aq_command_node_lose = {
    .code = 21,
    .name = "node_lose",
    .entity = "node",
    .verb = "lose",
    .kind = AQ_INTERNAL_COMMAND,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_node_lose_record,
    .help = "an agent has been silent for too long",
};
AQ_COMMAND(aq_command_node_lose);

AQ_DEFINE(aq_node_maintenance, "node_maintenance", 1, AQ_NODE_MAINTENANCE, "switches maintenance of a node")
const struct aq_command aq_command_node_maintenance = {
    .code = 22,
    .name = "node_maintenance",
    .entity = "node",
    .verb = "maintenance",
    .kind = AQ_ACTS,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_node_maintenance_record,
    .value = "maintenance",
    .help = "switch maintenance on or off: a node in maintenance takes no new work",
};
AQ_COMMAND(aq_command_node_maintenance);

AQ_DEFINE(aq_node_delete, "node_delete", 1, AQ_NODE_DELETE, "forgets a node")
const struct aq_command aq_command_node_delete = {
    .code = 23,
    .name = "node_delete",
    .entity = "node",
    .verb = "delete",
    .kind = AQ_DELETES,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_node_delete_record,
    .help = "forget a lost node; what it ran counts as ended",
};
AQ_COMMAND(aq_command_node_delete);

AQ_DEFINE(aq_node_joined, "node_joined", 1, AQ_NODE_JOINED, "a node joined")
const struct aq_event_type aq_event_node_joined = {20, &aq_node_joined_record, "node"};
AQ_EVENT(aq_event_node_joined);

AQ_DEFINE(aq_node_changed, "node_changed", 1, AQ_NODE_CHANGED, "a node describes itself anew")
const struct aq_event_type aq_event_node_changed = {21, &aq_node_changed_record, "node"};
AQ_EVENT(aq_event_node_changed);

AQ_DEFINE(aq_node_status_set, "node_status_set", 1, AQ_NODE_STATUS_SET, "a node was lost, or came back")
const struct aq_event_type aq_event_node_status_set = {22, &aq_node_status_set_record, "node"};
AQ_EVENT(aq_event_node_status_set);

AQ_DEFINE(aq_node_maintenance_set, "node_maintenance_set", 1, AQ_NODE_MAINTENANCE_SET, "maintenance was switched")
const struct aq_event_type aq_event_node_maintenance_set = {23, &aq_node_maintenance_set_record, "node"};
AQ_EVENT(aq_event_node_maintenance_set);

AQ_DEFINE(aq_node_deleted, "node_deleted", 1, AQ_NODE_DELETED, "a node was forgotten")
const struct aq_event_type aq_event_node_deleted = {24, &aq_node_deleted_record, "node"};
AQ_EVENT(aq_event_node_deleted);
